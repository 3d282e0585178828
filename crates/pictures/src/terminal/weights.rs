//! Weight maps: red for and blue against a class, or signs where there are no colours.

use super::{GAP, Graphics, Panel, SignedMap, panels};

/// Maps that stand side by side where there is room.
const IN_A_ROW: usize = 5;
/// The narrowest map that others stand beside.
const NARROWEST: usize = 14;

/// Draws maps of a size (height, width), each with its title, side by side in rows of at most `columns`
/// characters, on one scale from `-limit` to `limit`: five in a row where there is room, and smaller than
/// they are for that.
///
/// Panics if a map has more or fewer weights.
pub fn weights(
    maps: &[(String, &[f32])],
    (height, width): (usize, usize),
    limit: f32,
    graphics: Graphics,
    columns: usize,
) -> String {
    let columns = columns.max(1);
    let in_a_row = ((columns + GAP) / (width.min(NARROWEST) + GAP)).clamp(1, IN_A_ROW);
    let room = (columns + GAP) / in_a_row - GAP;
    let map = |weights| Panel::Signed(SignedMap::new(weights, (height, width), limit));
    let maps: Vec<_> = maps.iter().map(|(title, weights)| (title.clone(), map(weights))).collect();
    panels(&maps, graphics, columns, room)
}
