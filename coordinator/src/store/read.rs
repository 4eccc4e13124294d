//! Reads. Each is one short statement, so that the write-ahead log never grows because somebody reads slowly.

use chimera_core::id::{AttemptId, Digest, SweepId};
use chimera_core::unit::{Moment, UnixNanos};
use prost::bytes::Bytes;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::Store;
use super::failure::StoreError;
use super::row::{ChunkRow, DatasetRow, EndRow, JournalRow, SubmissionRow};

/// Journal rows per page.
const JOURNAL_PAGE: i64 = 1_000;
/// Batches per page: at most 16 MiB at the largest payload.
const CHUNK_PAGE: i64 = 32;

impl Store {
    /// The next page of the journal after `seq`, with the number of its last row; empty at the end.
    pub(crate) async fn journal_after(&self, seq: i64) -> Result<(i64, Vec<JournalRow>), StoreError> {
        let rows = sqlx::query(
            "SELECT seq, moment_ns, unix_ns, payload FROM journal WHERE seq > ? ORDER BY seq LIMIT ?",
        )
        .bind(seq)
        .bind(JOURNAL_PAGE)
        .fetch_all(&self.readers)
        .await
        .map_err(StoreError::read("the journal"))?;
        let last =
            rows.last().map_or(Ok(seq), |row| row.try_get(0)).map_err(StoreError::read("the journal"))?;
        let events: Result<Vec<_>, _> = rows.iter().map(journal_row).collect();
        Ok((last, events.map_err(StoreError::read("the journal"))?))
    }

    /// The last batch of an attempt that is durable; 0 when there is none. Batches are stored without gaps.
    pub(crate) async fn position(&self, attempt: &AttemptId) -> Result<u64, StoreError> {
        let row = sqlx::query("SELECT MAX(seq) FROM chunks WHERE sweep = ? AND trial = ? AND attempt = ?")
            .bind(attempt.trial.sweep.as_str())
            .bind(attempt.trial.ordinal)
            .bind(attempt.number.get())
            .fetch_one(&self.readers)
            .await;
        let last: Result<Option<i64>, _> = row.and_then(|row| row.try_get(0));
        Ok(last.map_err(StoreError::read("a resume position"))?.map_or(0, i64::cast_unsigned))
    }

    /// The next page of an attempt's batches after `seq`, in order; empty at the end.
    pub(crate) async fn chunks_after(
        &self,
        attempt: &AttemptId,
        seq: u64,
    ) -> Result<Vec<ChunkRow>, StoreError> {
        let sql = "SELECT seq, digest, payload FROM chunks \
                   WHERE sweep = ? AND trial = ? AND attempt = ? AND seq > ? ORDER BY seq LIMIT ?";
        let rows = sqlx::query(sql)
            .bind(attempt.trial.sweep.as_str())
            .bind(attempt.trial.ordinal)
            .bind(attempt.number.get())
            .bind(seq.cast_signed())
            .bind(CHUNK_PAGE)
            .fetch_all(&self.readers)
            .await
            .map_err(StoreError::read("the batches of an attempt"))?;
        rows.iter().map(|row| chunk_row(attempt, row)).collect()
    }

    /// The end of an attempt, when its record is complete.
    pub(crate) async fn end_of(&self, attempt: &AttemptId) -> Result<Option<EndRow>, StoreError> {
        let row =
            sqlx::query("SELECT last_seq, chain FROM attempts WHERE sweep = ? AND trial = ? AND attempt = ?")
                .bind(attempt.trial.sweep.as_str())
                .bind(attempt.trial.ordinal)
                .bind(attempt.number.get())
                .fetch_optional(&self.readers)
                .await
                .map_err(StoreError::read("the end of an attempt"))?;
        row.map(|row| end_row(attempt, &row)).transpose()
    }

    /// Every submission.
    pub(crate) async fn submissions(&self) -> Result<Vec<SubmissionRow>, StoreError> {
        let rows = sqlx::query("SELECT request_id, sweep, spec_digest FROM submissions")
            .fetch_all(&self.readers)
            .await
            .map_err(StoreError::read("the submissions"))?;
        rows.iter().map(submission_row).collect()
    }

    /// Every sealed sweep.
    pub(crate) async fn datasets(&self) -> Result<Vec<DatasetRow>, StoreError> {
        let rows = sqlx::query("SELECT sweep, folder, sealed_unix_ns FROM datasets")
            .fetch_all(&self.readers)
            .await
            .map_err(StoreError::read("the sealed sweeps"))?;
        rows.iter().map(dataset_row).collect()
    }
}

fn journal_row(row: &SqliteRow) -> Result<JournalRow, sqlx::Error> {
    Ok(JournalRow {
        moment: Moment(row.try_get::<i64, _>(1)?.cast_unsigned()),
        wall: UnixNanos(row.try_get(2)?),
        payload: row.try_get(3)?,
    })
}

fn chunk_row(attempt: &AttemptId, row: &SqliteRow) -> Result<ChunkRow, StoreError> {
    let read = StoreError::read("the batches of an attempt");
    let parts = || -> Result<_, sqlx::Error> {
        Ok((row.try_get::<i64, _>(0)?, row.try_get::<&[u8], _>(1)?, row.try_get::<Vec<u8>, _>(2)?))
    };
    let (seq, digest, payload) = parts().map_err(read)?;
    Ok(ChunkRow {
        attempt: attempt.clone(),
        seq: seq.cast_unsigned(),
        digest: digest_of(digest, attempt)?,
        payload: Bytes::from(payload),
    })
}

fn end_row(attempt: &AttemptId, row: &SqliteRow) -> Result<EndRow, StoreError> {
    let read = StoreError::read("the end of an attempt");
    let parts = || -> Result<_, sqlx::Error> { Ok((row.try_get::<i64, _>(0)?, row.try_get::<&[u8], _>(1)?)) };
    let (last_seq, chain) = parts().map_err(read)?;
    Ok(EndRow {
        attempt: attempt.clone(),
        last_seq: last_seq.cast_unsigned(),
        chain: digest_of(chain, attempt)?,
    })
}

fn submission_row(row: &SqliteRow) -> Result<SubmissionRow, StoreError> {
    let read = StoreError::read("the submissions");
    let parts = || -> Result<_, sqlx::Error> {
        Ok((row.try_get::<String, _>(0)?, row.try_get::<String, _>(1)?, row.try_get::<&[u8], _>(2)?))
    };
    let (request_id, sweep, digest) = parts().map_err(read)?;
    let spec_digest = Digest::from_slice(digest).ok_or_else(|| StoreError::Damaged {
        what: format!("submission {request_id} has a digest of wrong length"),
    })?;
    Ok(SubmissionRow { request_id, sweep: sweep_id(&sweep)?, spec_digest })
}

fn dataset_row(row: &SqliteRow) -> Result<DatasetRow, StoreError> {
    let read = StoreError::read("the sealed sweeps");
    let parts = || -> Result<_, sqlx::Error> {
        Ok((row.try_get::<String, _>(0)?, row.try_get::<String, _>(1)?, row.try_get::<i64, _>(2)?))
    };
    let (sweep, folder, sealed) = parts().map_err(read)?;
    Ok(DatasetRow { sweep: sweep_id(&sweep)?, folder, sealed: UnixNanos(sealed) })
}

fn sweep_id(text: &str) -> Result<SweepId, StoreError> {
    SweepId::new(text).map_err(|error| StoreError::Damaged { what: error.to_string() })
}

fn digest_of(bytes: &[u8], attempt: &AttemptId) -> Result<Digest, StoreError> {
    Digest::from_slice(bytes).ok_or_else(|| StoreError::Damaged {
        what: format!("a digest of attempt {attempt} has the wrong length"),
    })
}
