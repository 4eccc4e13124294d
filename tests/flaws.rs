//! The flaws of earlier benchmark studies cannot happen here. Each test runs a check twice: with what the product does, which
//! must pass, and with the flaw put back (a formula or a behaviour written out in the test, never in the product), which
//! must be noticed. docs/flaws.md is the list; what each number means is told there.
//!
//! | question | file |
//! |---|---|
//! | how is a flaw put back? | `proof` |
//! | what are rates made of? | `rates` (F3, F4, F24) |
//! | is side by side faster, or slower for each? | `speedup` (F1, F2) |
//! | which time is which? | `times` (F6, F7) |
//! | what runs when, and against what is it held? | `layout` (F8, F10, F13, F22) |
//! | did the options do anything, did the prompt fit? | `options` (F5, F9, F11) |
//! | is it an effect, and who saw to it? | `evidence` (F12, F14, F21) |
//! | where does a number come from? | `sources` (F16, F17, F18, F20, F23) |
//! | what went over the wire, what was kept of it? | `wire` (F4, F5, F9, F10, F11, F15, F16, F18, F19, F22, F24), on one sweep: `stage` |
//! | does the list in the docs hold? | `listed` |
//! | what are the records and sweeps of these tests? | `scene` |

#[path = "flaws/evidence.rs"]
mod evidence;
#[path = "flaws/layout.rs"]
mod layout;
#[path = "flaws/listed.rs"]
mod listed;
#[path = "flaws/options.rs"]
mod options;
#[path = "flaws/proof.rs"]
mod proof;
#[path = "flaws/rates.rs"]
mod rates;
#[path = "flaws/scene.rs"]
mod scene;
#[path = "flaws/sources.rs"]
mod sources;
#[path = "flaws/speedup.rs"]
mod speedup;
#[path = "flaws/stage.rs"]
mod stage;
#[path = "flaws/times.rs"]
mod times;
#[path = "flaws/wire.rs"]
mod wire;
