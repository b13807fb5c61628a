//! Calls and answers, against an engine on a store in memory.
