//! Texts of strangers: escape sequences, formulas and markup in what servers and people say do nothing on the way out.

use chimera_tests::{NodePlan, Rig, Simulated};

use crate::asked::{NOBODY, plan_of, sweep};

/// An error text that would clear a screen, forge a table, run a formula and a script.
const EVIL: &str = r"\u001b[2J\u001b]0;owned\u0007=cmd|' /C calc'!A0|</td><script>alert(1)</script>\r\n| forged | row |\u202e";

fn fleet() -> String {
    format!(
        "[[host]]\nname = \"a\"\n[[host.gpu]]\n[[host.gpu.server]]\nmodels = [\"tiny\"]\n\
         [[host.gpu.server.fault]]\npath = \"/api/chat\"\n\
         action = {{ kind = \"http_error\", status = 400, text = \"{EVIL}\" }}\n"
    )
}

/// Control characters other than line ends, and characters that turn the direction of text.
fn active(text: &str) -> Vec<char> {
    let turns = [
        '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}',
        '\u{2069}',
    ];
    text.chars().filter(|char| (char.is_control() && *char != '\n') || turns.contains(char)).collect()
}

#[test]
fn words_of_a_hostile_server_are_inert_in_every_form() {
    let rig = Rig::new();
    let _coordinator = rig.coordinator();
    let servers = Simulated::start(&fleet());
    let _node = rig.node(&NodePlan::new("lab", &servers.urls()));
    rig.wait_for_slots(1);
    let description = format!("repetitions = 1\ndescription = \"{EVIL}\"");
    let text = sweep(&description, "[axes]\nmodel = \"tiny\"\n[options]\nnum_ctx = 2048\nnum_predict = 4");
    let name = rig.submit(&text);
    assert_eq!(rig.finish(&name)["trials"]["failed"], 1);
    for form in ["terminal", "md", "csv"] {
        let told = rig.chimera(&["report", &name, "--format", form]);
        assert_eq!(told.code, 0, "{told:?}");
        let found: Vec<char> =
            active(&told.out).into_iter().filter(|char| form != "csv" || *char != '\r').collect();
        assert!(found.is_empty(), "{form}: {found:?} {:?}", told.out);
        let forged = told.out.lines().any(|line| line.starts_with('=') || line.contains(",=cmd"));
        assert!(!forged, "{form} has a formula:\n{}", told.out);
        assert!(form != "md" || !told.out.contains("<script>"), "{form} has markup:\n{}", told.out);
        assert!(
            form == "csv" || !told.out.lines().any(|line| line.starts_with("| forged | row")),
            "{}",
            told.out
        );
    }
    for line in [&["sweep", "show", name.as_str()][..], &["sweep", "list"], &["nodes", "show", "lab"]] {
        let told = rig.chimera(line);
        assert_eq!((told.code, active(&told.out)), (0, vec![]), "{line:?}: {:?}", told.out);
    }
}

#[test]
fn hostile_keys_and_values_of_a_file_are_inert_in_its_errors() {
    let text = sweep("\"\\u001b[31mred\" = 1", "axes.model = \"a\\u001b[2Jb\"");
    let told = plan_of(text.as_bytes(), NOBODY, "text");
    assert_eq!((told.code, active(&told.err)), (2, vec![]), "{:?}", told.err);
    let told = plan_of(text.as_bytes(), NOBODY, "json");
    assert_eq!((told.code, active(&told.err)), (2, vec![]), "{:?}", told.err);
}
