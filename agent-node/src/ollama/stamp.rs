//! Where a chunk gets its timestamp: here, right after the read of the socket returned, and nowhere else.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use chimera_core::unit::Nanos;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::clock::NodeClock;

/// Times of the last read and the last write of one connection. One task drives the connection and looks at this, so
/// the atomics are for sharing, not for synchronisation.
#[derive(Debug, Default)]
pub(crate) struct Stamps {
    reads: AtomicU64,
    read_at: AtomicU64,
    written_at: AtomicU64,
}

/// A read of the socket: its number on the connection and the moment it returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReadStamp {
    /// Number of the read, from 1; 0 = nothing was read yet.
    pub(crate) number: u64,
    /// When it returned.
    pub(crate) at: Nanos,
}

impl Stamps {
    /// The last read.
    pub(crate) fn last_read(&self) -> ReadStamp {
        ReadStamp {
            number: self.reads.load(Ordering::Relaxed),
            at: Nanos(self.read_at.load(Ordering::Relaxed)),
        }
    }

    /// When the last write that took bytes began; 0 = nothing was written yet. Its return would be too late: the
    /// server is woken by the bytes and, on busy cores, answers before the writer runs again (1 to 2 ms were seen).
    pub(crate) fn written_at(&self) -> Nanos {
        Nanos(self.written_at.load(Ordering::Relaxed))
    }
}

/// A stream that stamps each read and write.
#[derive(Debug)]
pub(crate) struct Stamped<S> {
    inner: S,
    clock: NodeClock,
    stamps: Arc<Stamps>,
}

impl<S> Stamped<S> {
    pub(crate) fn new(inner: S, clock: NodeClock) -> (Self, Arc<Stamps>) {
        let stamps = Arc::new(Stamps::default());
        (Self { inner, clock, stamps: Arc::clone(&stamps) }, stamps)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stamped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        if polled.is_ready() {
            // The end of the stream is a read too: its moment is the end of a generation.
            let at = self.clock.now().0;
            self.stamps.read_at.store(at, Ordering::Relaxed);
            self.stamps.reads.fetch_add(1, Ordering::Relaxed);
        }
        polled
    }
}

impl<S> Stamped<S> {
    fn stamp_write(&self, began: Nanos, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(polled, Poll::Ready(Ok(bytes)) if bytes > 0) {
            self.stamps.written_at.store(began.0, Ordering::Relaxed);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stamped<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let began = self.clock.now();
        let polled = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.stamp_write(began, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let began = self.clock.now();
        let polled = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.stamp_write(began, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
