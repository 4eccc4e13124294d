//! From the engine to the client: events, stamps and scripted mishaps on the way.

use std::{ops::ControlFlow, time::Duration};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::{
    dialect::Dialect,
    spec::fault::FaultAction,
    wire::{records::Line, refusal::Refusal, stamp::StampClock},
};

/// What a handler gets from a running generation. The end of the channel is the clean end of the answer.
#[derive(Debug)]
pub(crate) enum Event {
    /// A line of the answer.
    Line(Box<Line>),
    /// An error instead of an answer; only ever the first event.
    Refused(Refusal),
    /// An error after the answer has begun.
    ErrorLine(String),
    /// Bytes that are no line.
    Raw(Bytes),
    /// The connection goes.
    Abort(Abort),
}

/// How a connection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Abort {
    /// With a reset.
    Reset,
    /// With a plain end of file.
    Cut,
}

/// Lines a client may be behind before the engine waits for it.
pub(crate) const RELAY_DEPTH: usize = 256;
/// Text of an engine that died mid-stream.
pub(crate) const ENGINE_DIED: &str = "an error was encountered while running the model: unexpected EOF";
/// Lets lines written before an abort reach the socket first.
const FLUSH_PAUSE: Duration = Duration::from_millis(10);

/// The engine's end of the channel to one client.
#[derive(Debug)]
pub(crate) struct Relay {
    sender: mpsc::Sender<Event>,
    stamps: StampClock,
    dialect: Dialect,
    fault: Option<FaultAction>,
    tokens: u32,
    lines: u32,
}

/// The answer is over: the client went, or a mishap ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Over {
    /// Whether the engine process died.
    pub(crate) engine_died: bool,
}

impl Relay {
    /// A relay with the fault that waits for it, if any.
    pub(crate) fn new(sender: mpsc::Sender<Event>, dialect: Dialect, fault: Option<FaultAction>) -> Self {
        Self { sender, stamps: StampClock::default(), dialect, fault, tokens: 0, lines: 0 }
    }

    /// The next stamp of this answer.
    pub(crate) fn stamp(&mut self) -> String {
        self.stamps.next()
    }

    /// The fault of this request, if it is still to come.
    pub(crate) const fn fault(&self) -> Option<&FaultAction> {
        self.fault.as_ref()
    }

    /// Returns when the client has gone.
    pub(crate) async fn gone(&self) {
        self.sender.closed().await;
    }

    /// Whether the client has gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.sender.is_closed()
    }

    /// Relays one line made of some tokens; a fault whose time has come strikes first.
    pub(crate) async fn line(&mut self, line: Line, tokens: u32) -> ControlFlow<Over> {
        self.strike().await?;
        self.lines += 1;
        self.tokens += tokens;
        self.send(Event::Line(Box::new(line))).await
    }

    /// An error instead of an answer.
    pub(crate) async fn refuse(&self, refusal: Refusal) {
        // The client may be gone: then nobody is there to be told.
        let _ = self.sender.send(Event::Refused(refusal)).await;
    }

    /// The engine process is gone: an error line, or a status when nothing was sent yet.
    pub(crate) async fn engine_died(&mut self) -> Over {
        if self.lines == 0 {
            let text = match self.dialect {
                Dialect::V0_24 => {
                    "model runner has unexpectedly stopped, this may be due to resource limitations or an internal \
                     error, check ollama server logs for details"
                }
                Dialect::V0_33 => ENGINE_DIED,
            };
            self.refuse(Refusal::engine(500, text)).await;
        } else {
            let _ = self.send(Event::ErrorLine(ENGINE_DIED.to_owned())).await;
        }
        Over { engine_died: true }
    }

    /// Lets a fault strike whose number of tokens is reached.
    pub(crate) async fn strike(&mut self) -> ControlFlow<Over> {
        match self.fault.take_if(|fault| fault.begins_after().is_some_and(|after| after <= self.tokens)) {
            Some(fault) => self.suffer(fault).await,
            None => ControlFlow::Continue(()),
        }
    }

    async fn suffer(&mut self, fault: FaultAction) -> ControlFlow<Over> {
        match fault {
            FaultAction::ResetMidStream { .. } => self.abort(Abort::Reset).await,
            FaultAction::CutMidStream { .. } => self.abort(Abort::Cut).await,
            FaultAction::GarbageBytes { bytes, .. } => self.send(Event::Raw(garbage(bytes))).await,
            FaultAction::LongLine { bytes, .. } => {
                let content = "x".repeat(usize::try_from(bytes).unwrap_or(0));
                let line = Line { created_at: self.stamp(), content, ..Line::default() };
                self.send(Event::Line(Box::new(line))).await
            }
            FaultAction::ErrorLine { text, .. } => {
                self.send(Event::ErrorLine(text)).await?;
                ControlFlow::Break(Over { engine_died: false })
            }
            FaultAction::RunnerKilled { .. } => ControlFlow::Break(self.engine_died().await),
            FaultAction::Stall { for_ms, .. } => {
                tokio::time::sleep(Duration::from_millis(for_ms)).await;
                ControlFlow::Continue(())
            }
            FaultAction::VanishingStream => ControlFlow::Break(Over { engine_died: false }),
            _ => ControlFlow::Continue(()),
        }
    }

    async fn abort(&self, abort: Abort) -> ControlFlow<Over> {
        tokio::time::sleep(FLUSH_PAUSE).await;
        self.send(Event::Abort(abort)).await?;
        ControlFlow::Break(Over { engine_died: false })
    }

    async fn send(&self, event: Event) -> ControlFlow<Over> {
        match self.sender.send(event).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(Over { engine_died: false }),
        }
    }
}

impl FaultAction {
    /// Tokens before a mid-stream fault; `None` for faults that strike elsewhere.
    const fn begins_after(&self) -> Option<u32> {
        match self {
            Self::ResetMidStream { after_tokens }
            | Self::CutMidStream { after_tokens }
            | Self::GarbageBytes { after_tokens, .. }
            | Self::LongLine { after_tokens, .. }
            | Self::ErrorLine { after_tokens, .. }
            | Self::RunnerKilled { after_tokens }
            | Self::Stall { after_tokens, .. } => Some(*after_tokens),
            Self::VanishingStream => Some(0),
            Self::RefuseConnection
            | Self::NoFinalRecord
            | Self::SlowHeaders { .. }
            | Self::HttpError { .. }
            | Self::ModelMissing
            | Self::WrongEvalCount { .. }
            | Self::AbsentEvalCount
            | Self::LoadHang { .. } => None,
        }
    }
}

/// Bytes that are neither UTF-8 nor JSON, and hold no line end.
fn garbage(bytes: u32) -> Bytes {
    (0..bytes).map(|at| 0x80 | u8::try_from(at * 37 % 0x80).unwrap_or(0)).collect()
}
