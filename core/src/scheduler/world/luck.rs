//! Counters of luck: what a run really exercised. A sum of zero over all seeds means that a test tests nothing.

/// What happened in a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Luck {
    pub(super) events: u64,
    pub(super) late_results: u64,
    pub(super) replaced_counts: u64,
    pub(super) surplus: u64,
    pub(super) duplicates: u64,
    pub(super) restarts_with_live: u64,
    pub(super) abandoned: u64,
    pub(super) rejected: u64,
    pub(super) stale_events: u64,
    pub(super) wedged: u64,
    pub(super) freezes: u64,
    pub(super) invalid: u64,
    pub(super) quarantined: u64,
    pub(super) cancelled: u64,
    pub(super) resumed: u64,
    pub(super) other_node: u64,
    pub(super) overdue: u64,
    pub(super) blocks_added: u64,
    pub(super) stopped_early: u64,
    pub(super) questions_repeated: u64,
}

impl Luck {
    pub(super) const fn rows(&self) -> [(&'static str, u64); 20] {
        [
            ("events", self.events),
            ("late results", self.late_results),
            ("counts replaced by a lower attempt", self.replaced_counts),
            ("surplus records", self.surplus),
            ("duplicates absorbed", self.duplicates),
            ("restarts with live attempts", self.restarts_with_live),
            ("abandoned attempts", self.abandoned),
            ("rejected offers", self.rejected),
            ("stale events fenced", self.stale_events),
            ("wedged nodes", self.wedged),
            ("mass-disconnect freezes", self.freezes),
            ("invalid records", self.invalid),
            ("quarantined trials", self.quarantined),
            ("cancelled trials", self.cancelled),
            ("resumed attempts", self.resumed),
            ("retries on another node", self.other_node),
            ("overdue attempts", self.overdue),
            ("blocks added by a stop rule", self.blocks_added),
            ("sweeps that saw enough", self.stopped_early),
            ("questions asked again", self.questions_repeated),
        ]
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.late_results += other.late_results;
        self.replaced_counts += other.replaced_counts;
        self.surplus += other.surplus;
        self.duplicates += other.duplicates;
        self.restarts_with_live += other.restarts_with_live;
        self.abandoned += other.abandoned;
        self.rejected += other.rejected;
        self.stale_events += other.stale_events;
        self.wedged += other.wedged;
        self.freezes += other.freezes;
        self.invalid += other.invalid;
        self.quarantined += other.quarantined;
        self.cancelled += other.cancelled;
        self.resumed += other.resumed;
        self.other_node += other.other_node;
        self.overdue += other.overdue;
        self.blocks_added += other.blocks_added;
        self.stopped_early += other.stopped_early;
        self.questions_repeated += other.questions_repeated;
    }
}
