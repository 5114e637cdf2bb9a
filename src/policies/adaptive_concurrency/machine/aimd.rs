//! Additive increase, multiplicative decrease.

use super::window::Window;

/// Returns the limit after a window: 10 % less after an overload, else 1 more if half of it was in use.
pub(super) fn update(window: &Window, limit: f64) -> f64 {
    if window.overloads > 0 {
        limit * 0.9
    } else if window.is_idle(limit) {
        limit
    } else {
        limit + 1.0
    }
}
