//! What is found, and what could not be checked.

use std::fmt;

use super::rules::Effect;
use crate::id::GpuUuid;
use crate::outcome::ValidityReason;

/// What the rules make of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Reasons not to trust the record, in the order of reports.
    pub invalid: Vec<Finding>,
    /// What a reader should know of a record that is trusted, in the order of reports.
    pub marks: Vec<Finding>,
    /// Rules that could not be checked, in the order of reports, each once.
    pub not_checked: Vec<NotChecked>,
}

/// Something that a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub reason: ValidityReason,
    /// The GPU, where the rule is about one.
    pub gpu: Option<GpuUuid>,
    /// What was found, with its figures; it may hold words of the node and is untrusted text.
    pub detail: String,
}

impl Finding {
    /// What was found and where, without the name of the reason; untrusted text.
    #[must_use]
    pub fn told(&self) -> String {
        match &self.gpu {
            Some(gpu) => format!("GPU {gpu} {}", self.detail),
            None => self.detail.clone(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.told())
    }
}

/// A rule that could not be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotChecked {
    /// The rule.
    pub reason: ValidityReason,
    /// Why.
    pub why: WhyNotChecked,
}

/// Why a rule could not be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WhyNotChecked {
    /// The record has no GPU sample: the slot has no GPU, or it could not be read.
    NoSample,
    /// No generation was measured to its end.
    NoWindow,
    /// No GPU sample lies in a measured window.
    NoSampleInWindow,
    /// There are too few samples of a busy GPU to tell.
    TooFewSamples,
    /// The device does not tell what the rule needs.
    Unsupported,
    /// It cannot be told whose the processes on the GPU are.
    OwnersUnknown,
    /// A cold start begins with resting clocks.
    ColdStart,
    /// The server did not say what it loaded, or how.
    ServerSilent,
    /// It is not known how many layers the model has.
    LayersUnknown,
    /// A part of the layers was asked for: bytes do not tell which.
    PartOfLayers,
    /// The server put no stamps of its own on its lines.
    NoServerStamps,
    /// The server's process cannot be seen from the node.
    ServerProcessUnseen,
    /// Another system recorded this, by its own rules.
    Imported,
}

impl fmt::Display for WhyNotChecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSample => "no GPU sample in the record",
            Self::NoWindow => "no generation was measured to its end",
            Self::NoSampleInWindow => "no GPU sample inside a measured window",
            Self::TooFewSamples => "too few samples of a busy GPU",
            Self::Unsupported => "the device does not tell",
            Self::OwnersUnknown => "it cannot be told whose the processes on the GPU are",
            Self::ColdStart => "a cold start begins with resting clocks",
            Self::ServerSilent => "the server did not say what it loaded, or how",
            Self::LayersUnknown => "the number of the model's layers is not known",
            Self::PartOfLayers => "a part of the layers was asked for, and bytes do not tell which",
            Self::NoServerStamps => "the server put no stamps of its own on its lines",
            Self::ServerProcessUnseen => "the server's process cannot be seen from the node",
            Self::Imported => "another system recorded this, by its own rules",
        })
    }
}

impl Verdict {
    /// Reasons not to trust the record, sorted, each once.
    #[must_use]
    pub fn reasons(&self) -> Vec<ValidityReason> {
        let mut reasons: Vec<_> = self.invalid.iter().map(|finding| finding.reason).collect();
        reasons.sort_unstable();
        reasons.dedup();
        reasons
    }

    /// Everything that was found.
    pub(super) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.invalid.iter().chain(&self.marks)
    }

    /// Takes a finding for what it means.
    pub(super) fn find(&mut self, effect: Effect, finding: Finding) {
        match effect {
            Effect::Invalidate => self.invalid.push(finding),
            Effect::Mark => self.marks.push(finding),
        }
    }

    /// Says that a rule could not be checked; the first cause stands.
    pub(super) fn not_checked(&mut self, reason: ValidityReason, why: WhyNotChecked) {
        if self.not_checked.iter().all(|one| one.reason != reason) {
            self.not_checked.push(NotChecked { reason, why });
        }
    }

    /// Says that none of these rules could be checked.
    pub(super) fn none_checked(&mut self, reasons: &[ValidityReason], why: WhyNotChecked) {
        for reason in reasons {
            self.not_checked(*reason, why);
        }
    }

    /// In the order of reports. A rule that found something on one GPU is checked, whatever the others do not tell.
    pub(super) fn sorted(mut self) -> Self {
        let found: Vec<ValidityReason> = self.findings().map(|finding| finding.reason).collect();
        self.not_checked.retain(|one| !found.contains(&one.reason));
        self.not_checked.sort_unstable();
        let place = |finding: &Finding| (finding.reason, finding.gpu.clone());
        self.invalid.sort_by_key(place);
        self.marks.sort_by_key(place);
        self
    }
}
