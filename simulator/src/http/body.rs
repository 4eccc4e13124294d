//! Answer bodies: of known length, in one chunk, or one chunk per line of a running generation.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use thiserror::Error;
use tokio::sync::mpsc;

use crate::{
    engine::relay::{Abort, Event},
    wire::{call::Route, refusal::error_object},
};

/// The answer breaks off; the connection ends without a last chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("answer broken off on purpose")]
pub(crate) struct BrokenOff;

impl From<Infallible> for BrokenOff {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Tells the connection to end with a reset instead of a plain end of file.
#[derive(Debug, Clone, Default)]
pub(crate) struct ResetSwitch(Arc<AtomicBool>);

impl ResetSwitch {
    /// Asks for a reset.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether a reset was asked for.
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum AnswerBody {
    /// Sent with a length.
    Sized(Option<Bytes>),
    /// Sent as one chunk, without a length.
    Chunked(Option<Bytes>),
    /// Sent line by line.
    Lines(LineBody),
}

/// Lines as they come from the engine.
#[derive(Debug)]
pub(crate) struct LineBody {
    pub(crate) first: Option<Event>,
    pub(crate) rest: mpsc::Receiver<Event>,
    pub(crate) route: Route,
    pub(crate) model: String,
    pub(crate) reset: ResetSwitch,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            Self::Sized(bytes) | Self::Chunked(bytes) => {
                Poll::Ready(bytes.take().map(|all| Ok(Frame::data(all))))
            }
            Self::Lines(lines) => lines.poll_line(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Sized(bytes) | Self::Chunked(bytes) => bytes.is_none(),
            Self::Lines(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Sized(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::Chunked(_) | Self::Lines(_) => SizeHint::default(),
        }
    }
}

impl LineBody {
    fn poll_line(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let event = match self.first.take() {
            Some(first) => Some(first),
            None => match self.rest.poll_recv(context) {
                Poll::Ready(event) => event,
                Poll::Pending => return Poll::Pending,
            },
        };
        Poll::Ready(event.map(|event| self.frame(event)))
    }

    fn frame(&self, event: Event) -> Result<Frame<Bytes>, BrokenOff> {
        let bytes = match event {
            Event::Line(line) => Bytes::from(line.encode(self.route, &self.model) + "\n"),
            Event::ErrorLine(text) => Bytes::from(error_object(&text) + "\n"),
            Event::Refused(refusal) => Bytes::from(refusal.body() + "\n"),
            Event::Raw(bytes) => bytes,
            Event::Abort(kind) => {
                if kind == Abort::Reset {
                    self.reset.set();
                }
                return Err(BrokenOff);
            }
        };
        Ok(Frame::data(bytes))
    }
}
