//! docs/fleet.md as a script: its commands by machine, in order, and its sweep.

use chimera_tests::{Document, shell_words};

/// The document.
const GUIDE: &str = "docs/fleet.md";

/// A command of the guide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// The machine on which it runs: `head`, `gpu-07`, `gpu-08` or `desk`.
    pub(crate) machine: String,
    /// The program.
    pub(crate) program: String,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
}

/// Every command of the guide. A shell block begins with a comment that names its machine.
pub(crate) fn steps() -> Vec<Step> {
    let blocks = Document::read(GUIDE).blocks().into_iter().filter(|block| block.language == "sh");
    let of_block = |text: String| {
        let (first, commands) = text.split_once('\n').expect("a machine and commands");
        let machine =
            first.strip_prefix("# ").unwrap_or_else(|| panic!("no machine before: {text}")).to_owned();
        commands.lines().map(|line| step(&machine, line)).collect::<Vec<_>>()
    };
    blocks.flat_map(|block| of_block(block.text)).collect()
}

fn step(machine: &str, line: &str) -> Step {
    let mut words = shell_words(line).into_iter();
    let program = words.next().unwrap_or_else(|| panic!("an empty line among the commands of {machine}"));
    Step { machine: machine.to_owned(), program, arguments: words.collect() }
}

/// The sweep of the guide.
pub(crate) fn sweep() -> String {
    let mut blocks = Document::read(GUIDE).blocks().into_iter().filter(|block| block.language == "toml");
    let sweep = blocks.next().expect("the guide has a sweep").text;
    assert!(blocks.next().is_none(), "the guide has one sweep");
    sweep
}

#[test]
fn the_guide_names_three_machines_and_a_desk() {
    let mut machines: Vec<String> = steps().into_iter().map(|step| step.machine).collect();
    machines.sort();
    machines.dedup();
    assert_eq!(machines, ["desk", "gpu-07", "gpu-08", "head"]);
}
