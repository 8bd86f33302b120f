/** The graph with every identity applied and without what no output needs. */
import type { Graph } from "../graph/graph.ts";
import { identities } from "./identities.ts";
import { rewrite } from "./rewrite.ts";

export const simplify = (graph: Graph): Graph => rewrite(graph, identities);
