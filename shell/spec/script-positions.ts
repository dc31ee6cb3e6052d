/**
 * Places in a TypeScript or JavaScript cluster file. Types are blanked out first (offsets stay as they
 * are), then the tree is followed from `export default` through helper calls, top-level constants,
 * members and spreads. What only running the code could tell stays unknown, and its nearest known
 * parent is shown instead.
 */
import type {
  ArrayExpression,
  CallExpression,
  Expression,
  Node,
  ObjectExpression,
  Program,
  Property,
} from "acorn";
import type { Path } from "./complaint.ts";
import { lineIndex, type Place, PlaceTable, placeDepthMax } from "./source-positions.ts";

/** @param program - The tree of `text` in which types are blank. */
export function scriptPlaces(program: Program, text: string): ReadonlyMap<string, Place> {
  const table = new PlaceTable(lineIndex(text));
  const constants = topLevelConstants(program);
  const exported = defaultExport(program);
  if (exported !== undefined) {
    table.add([], undefined, exported.start);
    new Walk(table, constants).into(exported, [], 0);
  }
  return table.places;
}

type Constants = ReadonlyMap<string, Expression>;

function topLevelConstants(program: Program): Constants {
  const constants = new Map<string, Expression>();
  for (const statement of program.body) {
    const declared =
      statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
    if (declared?.type !== "VariableDeclaration" || declared.kind !== "const") continue;
    for (const { id, init } of declared.declarations) {
      if (id.type === "Identifier" && init) constants.set(id.name, init);
    }
  }
  return constants;
}

function defaultExport(program: Program): Node | undefined {
  for (const statement of program.body) {
    if (statement.type === "ExportDefaultDeclaration") return statement.declaration;
    if (statement.type !== "ExportNamedDeclaration") continue;
    const named = statement.specifiers.find(({ exported }) => nameOf(exported) === "default");
    if (named !== undefined) return named.local;
  }
  return undefined;
}

function nameOf(node: Node): unknown {
  if (node.type === "Identifier") return (node as Node & { readonly name: string }).name;
  return node.type === "Literal" ? (node as Node & { readonly value: unknown }).value : undefined;
}

class Walk {
  readonly #table: PlaceTable;
  readonly #constants: Constants;

  constructor(table: PlaceTable, constants: Constants) {
    this.#table = table;
    this.#constants = constants;
  }

  /** Adds the parts of `node`, whose own place is known already. `hops` bounds constants of constants. */
  into(node: Node, path: Path, hops: number): void {
    const target = this.#resolve(node, hops);
    if (target?.call !== undefined) {
      const { start } = target.call.callee;
      if (path.length > 0) this.#table.add([...path, "kind"], start, start);
    }
    if (target?.value.type === "ObjectExpression") this.#object(target.value, path, hops + 1);
    if (target?.value.type === "ArrayExpression") this.#array(target.value, path, hops + 1);
  }

  #object(node: ObjectExpression, path: Path, hops: number): void {
    for (const property of node.properties) {
      if (property.type === "SpreadElement") {
        this.into(property.argument, path, hops);
        continue;
      }
      const name = keyName(property);
      if (name === undefined) continue;
      const below = [...path, name];
      if (this.#table.add(below, property.key.start, property.value.start)) {
        this.into(property.value, below, hops);
      }
    }
  }

  #array(node: ArrayExpression, path: Path, hops: number): void {
    for (const [index, element] of node.elements.entries()) {
      if (element?.type === "SpreadElement") return; // Later indices depend on its length.
      if (element && this.#table.add([...path, index], undefined, element.start)) {
        this.into(element, [...path, index], hops);
      }
    }
  }

  /** Follows names, members and calls to the literal behind them. */
  #resolve(node: Node, hops: number): Resolved | undefined {
    if (hops > placeDepthMax) return undefined;
    const expression = node as Expression;
    switch (expression.type) {
      case "ObjectExpression":
      case "ArrayExpression":
        return { value: expression, call: undefined };
      case "AwaitExpression":
        return this.#resolve(expression.argument, hops + 1);
      case "Identifier": {
        const value = this.#constants.get(expression.name);
        return value && this.#resolve(value, hops + 1);
      }
      case "CallExpression": {
        const argument = expression.arguments[0];
        const inner = argument && this.#resolve(argument, hops + 1);
        return inner && { value: inner.value, call: expression };
      }
      case "MemberExpression": {
        const owner = this.#resolve(expression.object, hops + 1)?.value;
        const name = expression.computed
          ? nameOf(expression.property)
          : nameOf(expression.property);
        const found = owner?.type === "ObjectExpression" ? memberOf(owner, name) : undefined;
        return found && this.#resolve(found, hops + 1);
      }
      default:
        return undefined;
    }
  }
}

type Resolved = {
  readonly value: ObjectExpression | ArrayExpression;
  /** The helper that it was handed to, for example `replicas`: what stands for the field `kind`. */
  readonly call: CallExpression | undefined;
};

function memberOf(owner: ObjectExpression, name: unknown): Expression | undefined {
  for (const property of owner.properties) {
    if (property.type === "Property" && keyName(property) === name) return property.value;
  }
  return undefined;
}

function keyName(property: Property): string | undefined {
  if (property.computed && property.key.type !== "Literal") return undefined;
  const name = nameOf(property.key);
  return name === undefined ? undefined : String(name);
}
