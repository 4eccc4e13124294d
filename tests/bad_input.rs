//! What a person can get wrong, through the real command: the words, the exit code, and the JSON form of each.

#[path = "bad_input/asked.rs"]
mod asked;
#[path = "bad_input/daemons.rs"]
mod daemons;
#[path = "bad_input/files.rs"]
mod files;
#[path = "bad_input/hostile.rs"]
mod hostile;
#[path = "bad_input/placed.rs"]
mod placed;
#[path = "bad_input/words.rs"]
mod words;
