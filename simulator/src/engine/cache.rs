//! The prompt cache: how much of a prompt need not be evaluated again.

use std::collections::VecDeque;

/// Token sequences the engine still holds, least recently used first.
#[derive(Debug)]
pub(crate) struct PromptCache {
    entries: VecDeque<Vec<u32>>,
    limit: usize,
}

impl PromptCache {
    /// An empty cache for a number of sequences, at least one.
    pub(crate) fn new(limit: usize) -> Self {
        Self { entries: VecDeque::new(), limit: limit.max(1) }
    }

    /// Tokens of the prompt that are held already. The last token is always evaluated anew.
    pub(crate) fn reusable(&self, prompt: &[u32]) -> usize {
        let best = self.entries.iter().map(|entry| shared_prefix(entry, prompt)).max().unwrap_or(0);
        best.min(prompt.len().saturating_sub(1))
    }

    /// Holds a prompt. It replaces the sequence it extends; else the least recently used one must go.
    pub(crate) fn store(&mut self, prompt: Vec<u32>) {
        let extended = self.entries.iter().position(|entry| shared_prefix(entry, &prompt) == entry.len());
        if let Some(index) = extended {
            self.entries.remove(index);
        }
        while self.entries.len() >= self.limit {
            self.entries.pop_front();
        }
        self.entries.push_back(prompt);
    }
}

fn shared_prefix(left: &[u32], right: &[u32]) -> usize {
    left.iter().zip(right).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_forgets_and_many_places_remember() {
        let (a, b) = ((0..10).collect::<Vec<u32>>(), (50..60).collect::<Vec<u32>>());
        for (places, expected) in [(1, 0), (64, 9)] {
            let mut cache = PromptCache::new(places);
            cache.store(a.clone());
            cache.store(b.clone());
            assert_eq!(cache.reusable(&a), expected);
            assert_eq!(cache.reusable(&b), 9);
        }
    }

    #[test]
    fn a_unique_head_finds_nothing_and_a_unique_tail_nearly_all() {
        let mut cache = PromptCache::new(1);
        cache.store(vec![1, 2, 3, 4]);
        assert_eq!(cache.reusable(&[9, 2, 3, 4]), 0);
        assert_eq!(cache.reusable(&[1, 2, 3, 9]), 3);
    }
}
