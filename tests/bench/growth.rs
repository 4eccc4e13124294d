//! How cost grows with size: the slope of a straight line through the points on logarithmic axes.

/// The exponent `b` of the best fit `cost = a * size^b`: 1 is linear, 0 does not grow.
pub fn exponent(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(size, cost)| (size.ln(), cost.ln())).collect();
    let count = logs.len() as f64;
    let mean_size = logs.iter().map(|(size, _)| size).sum::<f64>() / count;
    let mean_cost = logs.iter().map(|(_, cost)| cost).sum::<f64>() / count;
    let together: f64 = logs.iter().map(|(size, cost)| (size - mean_size) * (cost - mean_cost)).sum();
    let alone: f64 = logs.iter().map(|(size, _)| (size - mean_size).powi(2)).sum();
    together / alone
}
