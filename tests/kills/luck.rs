//! What the kills hit, read from the logs of the nodes. A test that hit nothing would prove nothing.

use std::collections::BTreeMap;

use chimera_tests::field;

/// How far an attempt had come, as its node knew.
#[derive(Debug, Clone, Copy, Default)]
struct Reach {
    sent: u64,
    acked: u64,
    end_sent: bool,
}

/// Counters of luck.
#[derive(Debug, Default)]
pub(crate) struct Luck {
    /// Sessions that began with attempts still held.
    pub(crate) resumed: u32,
    /// Batches that were sent a second time.
    pub(crate) resent: u32,
    /// Attempts of which more was durable than the node had been told: the kill hit between commit and answer.
    pub(crate) unheard: u32,
    /// Ends that were announced a second time.
    pub(crate) ends_again: u32,
    reached: BTreeMap<String, Reach>,
}

impl Luck {
    /// Takes lines of one node in order.
    pub(crate) fn read(&mut self, lines: &[String]) {
        for line in lines {
            if line.contains("session open") {
                self.resumed += u32::from(field(line, "held").is_some_and(|held| held != "0"));
            } else if let Some(attempt) = field(line, "attempt") {
                self.take(line, attempt);
            }
        }
    }

    fn take(&mut self, line: &str, attempt: &str) {
        let number = |key| field(line, key).and_then(|text| text.parse::<u64>().ok());
        let reach = self.reached.entry(attempt.to_owned()).or_default();
        if line.contains("a batch is sent") {
            let seq = number("seq").unwrap_or_default();
            self.resent += u32::from(seq <= reach.sent);
            reach.sent = reach.sent.max(seq);
        } else if line.contains("an end is sent") {
            self.ends_again += u32::from(reach.end_sent);
            reach.end_sent = true;
        } else if line.contains("sending goes on") {
            self.unheard += u32::from(number("acked") > Some(reach.acked));
        } else if line.contains("acknowledged") {
            reach.acked = reach.acked.max(number("acked").unwrap_or_default());
        }
    }
}
