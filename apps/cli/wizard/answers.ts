/** What the wizard needs to know, and whether a cluster file of it would be accepted. */
import { checkCluster, complaintText, type InitAnswers, initDefinition } from "@prunella/spec";

export type Answers = Omit<InitAnswers, "service">;

/** Each thing that is wrong, in a sentence with its remedy. */
export function checkAnswers(answers: Answers, folder: string): readonly string[] {
  const check = checkCluster(initDefinition(answers), { folder, execPath: process.execPath });
  return check.ok ? [] : check.complaints.map(complaintText);
}

/** A name that a cluster may have, made of the name of a folder. */
export function clusterNameFrom(folder: string): string {
  const name = folder
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "")
    .slice(0, 40)
    .replace(/[^A-Za-z0-9]+$/, "");
  return name === "" ? "cluster" : name;
}
