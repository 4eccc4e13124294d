//! Wrong words on the command line.

use chimera_tests::chimera;

use crate::asked::{NOBODY, refused};

#[test]
fn slips_are_answered_with_what_was_meant() {
    let told = chimera(&["sweep", "plam", "x.toml"]);
    assert_eq!(told.code, 2, "{told:?}");
    assert!(told.err.contains("plan"), "{}", told.err);
    let told = chimera(&["report", "x", "--formt", "md"]);
    assert!(told.code == 2 && told.err.contains("--format"), "{told:?}");
    let told = chimera(&["report", "x", "--format", "pdf"]);
    assert!(told.code == 2 && told.err.contains("md") && told.err.contains("csv"), "{told:?}");
}

#[test]
fn nobody_at_the_address_is_a_failure_and_no_address_is_usage() {
    let list = |url: &'static str| {
        move |output: &str| chimera(&["--coordinator", url, "--output", output, "nodes", "list"])
    };
    refused(list(NOBODY), 1, &["is not reachable", "chimera-coordinator"]);
    refused(list("not a url"), 2, &["http://"]);
}

#[test]
fn bad_names_are_usage_and_say_what_a_name_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.toml");
    std::fs::write(&file, "name = 'a'\nworkload.prompts = ['x']\naxes.model = 'm'\n").unwrap();
    let path = file.to_str().unwrap();
    for name in ["Night", "a b", "-a", "a-", "ä", "", &"x".repeat(64)] {
        let run = |output: &str| {
            let option = format!("--name={name}");
            chimera(&["--coordinator", NOBODY, "--output", output, "sweep", "run", path, &option])
        };
        refused(run, 2, &["a-z", "--name"]);
    }
}
