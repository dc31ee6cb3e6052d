/**
 * What will happen, soonest first; at the same instant, what was planned first.
 *
 * A binary heap of slot numbers: times and orders lie in typed arrays, so that moving an entry
 * neither allocates nor follows a pointer. A run of a simulated second asks for a few hundred.
 */
export class EventQueue<Event> {
  #atMs = new Float64Array(256);
  #order = new Float64Array(256);
  #heap = new Int32Array(256);
  #free = new Int32Array(256);
  #freeCount = 0;
  readonly #events: (Event | undefined)[] = [];
  #length = 0;
  #planned = 0;

  get length(): number {
    return this.#length;
  }

  /** When the next event is due; `Infinity` when nothing is planned. */
  get nextAtMs(): number {
    return this.#length === 0 ? Number.POSITIVE_INFINITY : (this.#atMs[this.#heap[0] ?? 0] ?? 0);
  }

  add(atMs: number, event: Event): void {
    const slot = this.#freeCount > 0 ? (this.#free[--this.#freeCount] ?? 0) : this.#length;
    if (this.#length === this.#heap.length) this.#grow();
    this.#atMs[slot] = atMs;
    this.#order[slot] = this.#planned++;
    this.#events[slot] = event;
    this.#rise(this.#length++, slot);
  }

  take(): Event | undefined {
    if (this.#length === 0) return undefined;
    const slot = this.#heap[0] ?? 0;
    const event = this.#events[slot];
    this.#events[slot] = undefined;
    this.#free[this.#freeCount++] = slot;
    const last = this.#heap[--this.#length] ?? 0;
    if (this.#length > 0) this.#sink(last);
    return event;
  }

  #rise(from: number, slot: number): void {
    const heap = this.#heap;
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent] ?? 0;
      if (!this.#isSooner(slot, above)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = slot;
  }

  #sink(slot: number): void {
    const heap = this.#heap;
    const length = this.#length;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= length) break;
      const right = child + 1;
      if (right < length && this.#isSooner(heap[right] ?? 0, heap[child] ?? 0)) child = right;
      const below = heap[child] ?? 0;
      if (!this.#isSooner(below, slot)) break;
      heap[place] = below;
      place = child;
    }
    heap[place] = slot;
  }

  #isSooner(a: number, b: number): boolean {
    const aMs = this.#atMs[a] ?? 0;
    const bMs = this.#atMs[b] ?? 0;
    return aMs < bMs || (aMs === bMs && (this.#order[a] ?? 0) < (this.#order[b] ?? 0));
  }

  #grow(): void {
    const size = this.#heap.length * 2;
    this.#atMs = grown(this.#atMs, new Float64Array(size));
    this.#order = grown(this.#order, new Float64Array(size));
    this.#heap = grown(this.#heap, new Int32Array(size));
    this.#free = grown(this.#free, new Int32Array(size));
  }
}

function grown<Numbers extends Float64Array | Int32Array>(old: Numbers, larger: Numbers): Numbers {
  larger.set(old);
  return larger;
}
