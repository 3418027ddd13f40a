//! No call of a store waits for ever: one that gets no answer in time is as good as one whose connection broke.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use crate::ports::StoreError;

/// The answer of a call, if it comes within the limit.
pub(crate) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match timeout(limit, call).await {
        Ok(answer) => answer,
        Err(elapsed) => Err(StoreError::Unavailable {
            context: format!("no answer within {} s", limit.as_secs_f32()),
            source: Box::new(elapsed),
        }),
    }
}
