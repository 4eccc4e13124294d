//! Shows how a sweep goes on: a bar on a terminal, plain lines elsewhere, JSON lines for programs.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::Failure;
use crate::render::progress_line;
use crate::screen::Screen;
use crate::view::{Document, SweepView};

/// Least time between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(1);
/// After this long without a change, a plain line says that all is well.
const LINE_AT_LEAST_EVERY: Duration = Duration::from_secs(60);
const BAR: &str = "{bar:16.green/black.bright} {wide_msg}";
const BAR_PLAIN: &str = "{bar:16} {wide_msg}";

/// Shows how a sweep goes on.
#[derive(Debug)]
pub struct Progress<'s> {
    screen: &'s Screen,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Bar(ProgressBar),
    Lines(LinePace),
    Json,
}

/// When to print a plain line.
#[derive(Debug, Default)]
struct LinePace {
    last: Option<(Instant, Shown)>,
}

/// What a line tells that is worth another line when it changes.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    ended: u32,
    running: u32,
    waiting: Option<String>,
}

impl<'s> Progress<'s> {
    /// Starts to show, in the form that suits the screen.
    #[must_use]
    pub fn start(screen: &'s Screen) -> Self {
        let form = match (screen.is_json(), screen.draws_bars()) {
            (true, _) => Form::Json,
            (false, true) => Form::Bar(bar(screen)),
            (false, false) => Form::Lines(LinePace::default()),
        };
        Self { screen, form }
    }

    /// Shows the present state.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn update(&mut self, sweep: &SweepView) -> Result<(), Failure> {
        match &mut self.form {
            Form::Json => self.screen.print_json(&Document::Progress(sweep.clone()))?,
            Form::Bar(bar) => {
                bar.set_length(u64::from(sweep.trials.admitted));
                bar.set_position(u64::from(sweep.trials.ended()));
                bar.set_message(progress_line(sweep));
            }
            Form::Lines(pace) => {
                if pace.is_due(Instant::now(), sweep) {
                    self.screen.complain(&format!("{}  {}", sweep.sweep, progress_line(sweep)));
                }
            }
        }
        Ok(())
    }

    /// Says something beside the progress.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn notice(&self, text: &str) -> Result<(), Failure> {
        match &self.form {
            Form::Json => self.screen.print_json(&Document::Notice { text: text.to_owned() }),
            Form::Bar(bar) => {
                bar.suspend(|| self.screen.complain(text));
                Ok(())
            }
            Form::Lines(_) => {
                self.screen.complain(text);
                Ok(())
            }
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Form::Bar(bar) = &self.form {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}

impl LinePace {
    /// A line is due when something changed and the last one is a second old, at the end, and now and then.
    fn is_due(&mut self, now: Instant, sweep: &SweepView) -> bool {
        let state = Shown {
            ended: sweep.trials.ended(),
            running: sweep.trials.running,
            waiting: sweep.waiting.clone(),
        };
        let due = self.last.as_ref().is_none_or(|(at, before)| {
            let pause = now.saturating_duration_since(*at);
            let changed = *before != state && (pause >= LINE_EVERY || sweep.ended);
            changed || pause >= LINE_AT_LEAST_EVERY
        });
        if due {
            self.last = Some((now, state));
        }
        due
    }
}

fn bar(screen: &Screen) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4));
    let template = if screen.is_coloured() { BAR } else { BAR_PLAIN };
    // Both templates are constants that a test parses; a bar without a style still works.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::TrialsView;

    fn sweep(ended: u32, over: bool) -> SweepView {
        SweepView {
            sweep: "a".to_owned(),
            state: "running".to_owned(),
            ended: over,
            trials: TrialsView { admitted: 9, pending: 9 - ended, counted: ended, ..TrialsView::default() },
            attempts: 0,
            submitted_unix_ns: 0,
            elapsed_s: 0.0,
            waiting: None,
            description: String::new(),
            dataset: None,
            blocks_opened: 0,
        }
    }

    #[test]
    fn plain_lines_come_at_most_every_second_and_at_the_end() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut pace = LinePace::default();
        assert!(pace.is_due(at(0), &sweep(0, false)), "the first");
        assert!(!pace.is_due(at(500), &sweep(1, false)), "too soon");
        assert!(pace.is_due(at(1_000), &sweep(1, false)), "changed");
        assert!(!pace.is_due(at(3_000), &sweep(1, false)), "nothing new");
        assert!(pace.is_due(at(3_100), &sweep(2, false)), "changed");
        assert!(pace.is_due(at(3_200), &sweep(9, true)), "the end");
        assert!(pace.is_due(at(70_000), &sweep(9, true)), "now and then");
    }

    #[test]
    fn bar_templates_are_valid() {
        assert!(ProgressStyle::with_template(BAR).is_ok() && ProgressStyle::with_template(BAR_PLAIN).is_ok());
    }
}
