//! What sealed sweeps teach for forecasts. It follows from the records, so a row that cannot be read any more is only
//! learned again.

use chimera_core::id::SweepId;
use chimera_core::plan::Lesson;
use sqlx::Row;

use super::Store;
use super::failure::StoreError;
use super::row::ExperienceRow;

/// Rows per page.
const PAGE: i64 = 128;

impl ExperienceRow {
    /// What a sweep taught.
    pub(crate) fn of(sweep: &SweepId, lessons: &[Lesson]) -> Self {
        // Lessons are texts and finite numbers: they always have a JSON form.
        let lessons = serde_json::to_string(lessons).unwrap_or_default();
        Self { sweep: sweep.clone(), lessons }
    }
}

impl Store {
    /// What every sealed sweep teaches, as far as this build understands it.
    pub(crate) async fn experience(&self) -> Result<Vec<(SweepId, Vec<Lesson>)>, StoreError> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let sql = "SELECT sweep, lessons FROM experience WHERE sweep > ? ORDER BY sweep LIMIT ?";
            let page = sqlx::query(sql).bind(after.as_str()).bind(PAGE).fetch_all(&self.readers).await;
            let page = page.map_err(StoreError::read("the experience"))?;
            for row in &page {
                let parts =
                    || -> Result<(String, String), sqlx::Error> { Ok((row.try_get(0)?, row.try_get(1)?)) };
                let (sweep, lessons) = parts().map_err(StoreError::read("the experience"))?;
                all.extend(SweepId::new(&sweep).ok().zip(serde_json::from_str(&lessons).ok()));
                after = sweep;
            }
            if page.is_empty() {
                return Ok(all);
            }
        }
    }
}
