/** Loaded before programs of ../shared/bench: they wait as calmly as lcomp does, so that the CPU time of waiting is the same. */
import { calmPolling } from "../runtime/gpu/polling.ts";

calmPolling();
