//! Whether a prompt and its budget fit into the context that the server really has. Pure.
//!
//! `truncate: false` makes the server refuse a prompt that does not fit alone. It takes one that leaves too little room
//! for the budget: 0.24 then forgets the beginning while it decodes, 0.33 ends early, and neither says so.

use chimera_core::option::Options;

use crate::ollama::dialect::Dialect;

/// The room of one cell on this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Tokens that the server can hold; absent when it did not tell.
    context: Option<u64>,
    /// Tokens to generate; absent when there is no limit that is known before.
    budget: Option<u64>,
}

impl Room {
    /// The room that a server has which shows `shown` for the loaded model. What it shows is the context asked for after
    /// its own bounds; 0.33 really takes the next multiple of 256, and what fits into that is not refused. Both facts
    /// were measured (docs/ollama.md, 3). A newer server that takes more than that would have its prompts refused
    /// wrongly, one that takes less lets them pass; the rule `prompt_truncated` judges after the run.
    pub(super) fn of(dialect: &Dialect, shown: Option<u32>, options: &Options) -> Self {
        let context = shown.map(|shown| u64::from(shown).next_multiple_of(dialect.context_step.into()));
        // A budget of 0 or below means none, or one that follows the context.
        let budget = options.integer("num_predict").and_then(|budget| u64::try_from(budget).ok());
        Self { context, budget: budget.filter(|budget| *budget > 0) }
    }

    /// Why a prompt of `tokens` does not fit, if so. Without a budget only the prompt is compared.
    pub(super) fn excess(&self, tokens: u64) -> Option<String> {
        let context = self.context?;
        let needed = tokens.saturating_add(self.budget.unwrap_or(0));
        if needed <= context {
            return None;
        }
        Some(match self.budget {
            Some(budget) => format!(
                "has {tokens} tokens and num_predict is {budget}: {needed} do not fit into the context of {context}; \
                 raise num_ctx, lower num_predict or shorten the prompt"
            ),
            None => format!(
                "has {tokens} tokens, which do not fit into the context of {context}; raise num_ctx or shorten the \
                 prompt"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ollama::dialect::of_version;
    use chimera_core::option::OptionValue;

    fn room(version: &str, shown: Option<u32>, budget: Option<i64>) -> Room {
        let mut options = Options::default();
        if let Some(budget) = budget {
            options.set("num_predict", OptionValue::Integer(budget)).unwrap();
        }
        Room::of(of_version(Some(version)).0, shown, &options)
    }

    #[test]
    fn what_fits_exactly_is_not_refused() {
        let room = room("0.24.0", Some(2_048), Some(64));
        assert_eq!(room.excess(1_984), None);
        let told = room.excess(1_985).unwrap();
        assert!(told.contains("1985 tokens") && told.contains("context of 2048"), "{told}");
        assert!(told.contains("num_predict is 64") && told.contains("raise num_ctx"), "{told}");
    }

    #[test]
    fn the_newer_dialect_has_the_next_multiple_of_256() {
        assert_eq!(room("0.33.0", Some(128), Some(100)).excess(156), None);
        assert!(room("0.33.0", Some(128), Some(100)).excess(157).is_some());
        assert!(room("0.24.0", Some(128), Some(100)).excess(29).is_some());
        assert!(room("0.33.0", Some(256), Some(100)).excess(157).is_some());
    }

    #[test]
    fn without_a_budget_only_the_prompt_is_compared_and_without_a_context_nothing() {
        assert_eq!(room("0.24.0", Some(2_048), None).excess(2_048), None);
        let told = room("0.24.0", Some(2_048), None).excess(2_049).unwrap();
        assert!(!told.contains("num_predict"), "{told}");
        assert_eq!(room("0.24.0", None, Some(64)).excess(u64::MAX), None);
    }
}
