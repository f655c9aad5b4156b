#pragma once
/// What the process keeps in memory of its own program.

namespace conclave::cli {

/// Gives back the pages of program text and constants that are mapped now, the program's and its libraries'. What is
/// used again comes back from the page cache with a minor fault for each 64 KB; what only the start needed, or the last
/// conversation, does not: two thirds of what a node that idles would keep. The kernel would do the same when memory gets
/// short, after looking at every page. Takes 0.1 ms, and as much again until what is in use is back. Linux only; elsewhere
/// nothing happens. A debugger's breakpoints in the text are lost.
void give_back_idle_pages();

}  // namespace conclave::cli
