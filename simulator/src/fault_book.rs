//! Which scripted fault strikes which request.

use std::sync::{Mutex, PoisonError};

use crate::{
    seed::SeedStream,
    spec::{
        fault::{FaultAction, FaultRule},
        fleet::full_name,
    },
};

/// The rules of one server and how often each has matched and struck.
#[derive(Debug)]
pub(crate) struct FaultBook {
    entries: Mutex<Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    rule: FaultRule,
    matched: u64,
    struck: u64,
    chance: SeedStream,
}

impl FaultBook {
    /// A book of rules; chances are drawn from the seed.
    pub(crate) fn new(rules: &[FaultRule], seed: u64) -> Self {
        let entries = rules.iter().enumerate().map(|(index, rule)| Entry {
            rule: rule.clone(),
            matched: 0,
            struck: 0,
            chance: SeedStream::named(seed, &format!("fault {index}")),
        });
        Self { entries: Mutex::new(entries.collect()) }
    }

    /// The fault of one request, if any. Every rule counts the request; the first that strikes wins.
    pub(crate) fn draw(&self, path: &str, model: Option<&str>) -> Option<FaultAction> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let mut winner = None;
        for entry in entries.iter_mut() {
            if entry.strikes(path, model) && winner.is_none() {
                entry.struck += 1;
                winner = Some(entry.rule.action.clone());
            }
        }
        winner
    }
}

impl Entry {
    fn strikes(&mut self, path: &str, model: Option<&str>) -> bool {
        if !self.rule.concerns(path, model) {
            return false;
        }
        self.matched += 1;
        let lucky = self.rule.probability.is_none_or(|probability| self.chance.unit() < probability);
        let in_turn = self.rule.nth.is_none_or(|nth| nth == self.matched);
        let within_limit = self.rule.limit.is_none_or(|limit| self.struck < limit);
        lucky && in_turn && within_limit
    }
}

impl FaultRule {
    fn concerns(&self, path: &str, model: Option<&str>) -> bool {
        let path_fits = match &self.path {
            Some(wanted) => wanted == path,
            None => matches!(path, "/api/generate" | "/api/chat"),
        };
        let model_fits = match (&self.model, model) {
            (None, _) => true,
            (Some(wanted), Some(model)) => full_name(wanted) == full_name(model),
            (Some(_), None) => false,
        };
        path_fits && model_fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> FaultRule {
        FaultRule {
            nth: None,
            model: None,
            path: None,
            probability: None,
            limit: None,
            action: FaultAction::ModelMissing,
        }
    }

    #[test]
    fn nth_model_path_and_limit_select() {
        let rules = [FaultRule { nth: Some(2), model: Some("tiny".to_owned()), ..rule() }];
        let book = FaultBook::new(&rules, 1);
        let struck: Vec<bool> = ["tiny:latest", "other", "tiny", "tiny"]
            .iter()
            .map(|model| book.draw("/api/chat", Some(model)).is_some())
            .collect();
        assert_eq!(struck, [false, false, true, false]);
        assert!(FaultBook::new(&[rule()], 1).draw("/api/ps", None).is_none());
        let limited = FaultBook::new(&[FaultRule { limit: Some(1), ..rule() }], 1);
        assert!(limited.draw("/api/generate", None).is_some());
        assert!(limited.draw("/api/generate", None).is_none());
    }

    #[test]
    fn chances_come_from_the_seed() {
        let draws = |seed| {
            let book = FaultBook::new(&[FaultRule { probability: Some(0.5), ..rule() }], seed);
            (0..64).map(|_| book.draw("/api/chat", None).is_some()).collect::<Vec<bool>>()
        };
        assert_eq!(draws(3), draws(3));
        assert_ne!(draws(3), draws(4));
        assert!(draws(3).contains(&true) && draws(3).contains(&false));
    }
}
