//! Facts that differ between versions of the model server (docs/ollama.md).

/// How the server says that it did not measure the steps of a one-token answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SingleTokenEval {
    /// The field is left out.
    Absent,
    /// The field holds this many nanoseconds, which mean nothing.
    Placeholder(u64),
}

/// One row of the table of facts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Name in records and reports.
    pub(crate) name: &'static str,
    /// `eval_duration` of a one-token answer.
    pub(crate) single_token_eval: SingleTokenEval,
    /// Whether `logprobs` has one entry per token (else one per line, which counts nothing).
    pub(crate) logprobs_per_token: bool,
    /// The real context is the next multiple of this above the one shown.
    pub(crate) context_step: u32,
}

/// v0.24 and v0.25: the engine is inside the server.
const V0_24: Dialect = Dialect {
    name: "0.24",
    single_token_eval: SingleTokenEval::Absent,
    logprobs_per_token: true,
    context_step: 1,
};

/// v0.30 to v0.33: a separate llama-server.
const V0_33: Dialect = Dialect {
    name: "0.33",
    single_token_eval: SingleTokenEval::Placeholder(1_000),
    logprobs_per_token: false,
    context_step: 256,
};

/// The dialect of a version, and a note when the version is not one that was looked at.
pub(crate) fn of_version(version: Option<&str>) -> (&'static Dialect, Option<String>) {
    match version.and_then(minor) {
        Some((0, 24..=25)) => (&V0_24, None),
        Some((0, 30..=33)) => (&V0_33, None),
        _ => {
            let told = version.unwrap_or("unknown");
            let note = format!("server version {told} was never looked at; it is read as {}", V0_33.name);
            (&V0_33, Some(note))
        }
    }
}

fn minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('v').split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_select_their_row() {
        assert_eq!(of_version(Some("0.24.0")), (&V0_24, None));
        assert_eq!(of_version(Some("v0.33.0-rc2")), (&V0_33, None));
        assert_eq!(of_version(Some("0.32.15")), (&V0_33, None));
    }

    #[test]
    fn an_unknown_version_is_read_as_the_newest_and_says_so() {
        for version in [Some("0.0.0"), Some("0.23.1"), Some("1.0.0"), Some("weird"), None] {
            let (dialect, note) = of_version(version);
            assert_eq!(dialect, &V0_33);
            assert!(note.unwrap().contains(version.unwrap_or("unknown")));
        }
    }
}
