//! Parts of a result (RFC 9394).

/// The part of a list that a range counts from its beginning (positive) or its end (negative) (RFC 9394 §3.1).
pub(crate) fn page<T: Copy>(all: &[T], range: (i64, i64)) -> Vec<T> {
    let (low, high) =
        (range.0.unsigned_abs().min(range.1.unsigned_abs()), range.0.unsigned_abs().max(range.1.unsigned_abs()));
    let low = usize::try_from(low).unwrap_or(usize::MAX).saturating_sub(1);
    let count = usize::try_from(high).unwrap_or(usize::MAX).saturating_sub(low);
    if range.0 > 0 {
        return all.iter().skip(low).take(count).copied().collect();
    }
    let end = all.len().saturating_sub(low);
    let start = end.saturating_sub(count);
    all.get(start..end).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn pages_count_from_either_end() {
        let all = [1, 2, 3, 4, 5];
        assert_eq!(page(&all, (1, 2)), [1, 2]);
        assert_eq!(page(&all, (4, 9)), [4, 5]);
        assert_eq!(page(&all, (-1, -2)), [4, 5]);
        assert_eq!(page(&all, (-4, -9)), [1, 2]);
        assert_eq!(page(&all, (6, 7)), [] as [i32; 0]);
    }
}
