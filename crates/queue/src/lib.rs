//! mail on its way: durable envelope, schedule, retry, holds, notices.
