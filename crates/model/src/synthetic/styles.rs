//! The styles: the ways of writing each digit, as a table.
//!
//! A stroke is what the pen draws between touching the paper and leaving it. Its points [x, y] are
//! in hundredths of the digit's height, x to the right and y downwards, around (35, 50). The pen
//! begins at the first point and ends at the last; those between pull it, and it rounds them off on
//! the inside, which is why many lie outside 0..100. A point given twice is a sharp corner.

use crate::rng::Stream;

/// One way of writing a digit.
pub(super) struct Style {
    /// How often it is chosen, relative to the other styles of its digit.
    share: u32,
    /// The strokes in the order of writing, each of three points or more.
    pub(super) strokes: &'static [&'static [[i8; 2]]],
}

const fn style(share: u32, strokes: &'static [&'static [[i8; 2]]]) -> Style {
    Style { share, strokes }
}

/// A style of the digit `label`, each as often as its share says.
pub(super) fn choose(label: u8, stream: &mut Stream) -> &'static Style {
    let styles = STYLES[usize::from(label)];
    let mut ticket = stream.below(styles.iter().map(|style| style.share).sum());
    for style in styles {
        match ticket.checked_sub(style.share) {
            Some(rest) => ticket = rest,
            None => return style,
        }
    }
    unreachable!("the ticket is below the sum of the shares")
}

/// The styles of each digit, by label.
#[rustfmt::skip] // it would give every point a line
static STYLES: [&[Style]; 10] = [
    // 0
    &[
        style(4, &[ // closed at the top
            &[[40, 0], [4, -4], [-10, 64], [24, 112], [66, 98], [78, 34], [60, -6], [36, 1]],
        ]),
        style(3, &[ // its end crosses its beginning
            &[[62, 12], [32, -12], [-6, 36], [0, 108], [56, 106], [82, 40], [66, -10], [26, 14]],
        ]),
        style(2, &[ // written clockwise from the left, the end inside
            &[[4, 46], [6, -2], [58, -14], [84, 48], [58, 110], [8, 106], [-6, 40], [22, 10]],
        ]),
        style(2, &[ // not quite closed
            &[[28, 4], [-6, 20], [-6, 104], [44, 110], [80, 64], [72, -2], [42, 0]],
        ]),
    ],
    // 1
    &[
        style(20, &[ // a bare stroke
            &[[46, 0], [40, 50], [34, 100]],
        ]),
        style(3, &[ // with a flag
            &[[18, 22], [32, 14], [44, 0], [44, 0], [41, 50], [38, 100]],
        ]),
        style(1, &[ // with a flag and a base
            &[[20, 22], [32, 14], [42, 0], [42, 0], [41, 50], [42, 99]],
            &[[14, 100], [42, 99], [72, 98]],
        ]),
    ],
    // 2
    &[
        style(4, &[ // a sharp corner at the foot
            &[[6, 24], [16, -4], [66, -8], [68, 36], [38, 68],
              [4, 97], [4, 97], [40, 93], [80, 96]],
        ]),
        style(4, &[ // a loop at the foot
            &[[8, 20], [26, -6], [70, -6], [62, 40], [44, 98],
              [0, 112], [-8, 74], [22, 70], [44, 100], [92, 88]],
        ]),
        style(2, &[ // a large loop and a long tail
            &[[8, 28], [24, -8], [74, -4], [60, 44], [38, 104],
              [-14, 120], [-16, 64], [28, 60], [48, 104], [102, 92]],
        ]),
        style(2, &[ // flat, nearly a Z
            &[[4, 8], [36, 0], [64, 2], [66, 14], [30, 66], [4, 97], [4, 97], [38, 96], [74, 97]],
        ]),
        style(3, &[ // a wave for a foot
            &[[4, 22], [20, -4], [64, -6], [62, 40], [32, 78],
              [6, 98], [20, 80], [46, 98], [84, 92]],
        ]),
        style(1, &[ // a swan: a curl for a head
            &[[16, 30], [-4, 14], [24, -8], [66, 2], [58, 52],
              [8, 96], [8, 96], [44, 90], [80, 98]],
        ]),
    ],
    // 3
    &[
        style(4, &[ // two round bows
            &[[6, 12], [26, -6], [66, -4], [58, 38], [22, 46],
              [22, 46], [70, 48], [70, 104], [22, 104], [0, 88]],
        ]),
        style(3, &[ // a small loop between the bows
            &[[8, 12], [34, -6], [66, 0], [52, 40], [16, 54],
              [24, 40], [72, 48], [66, 104], [18, 104], [-2, 88]],
        ]),
        style(2, &[ // the upper bow small
            &[[14, 8], [34, -4], [58, 6], [50, 30], [24, 38],
              [24, 38], [74, 36], [78, 98], [28, 110], [-2, 90]],
        ]),
        style(2, &[ // the lower bow small
            &[[2, 16], [22, -10], [76, -4], [64, 46], [26, 56],
              [26, 56], [64, 58], [62, 104], [26, 104], [6, 94]],
        ]),
        style(2, &[ // a flat top
            &[[6, 2], [34, 2], [62, 1], [62, 1], [44, 24], [24, 42],
              [24, 42], [74, 40], [70, 104], [22, 102], [0, 90]],
        ]),
        style(1, &[ // without a corner
            &[[4, 10], [40, -8], [72, 8], [34, 46], [30, 48],
              [80, 62], [58, 104], [26, 102], [0, 92]],
        ]),
    ],
    // 4
    &[
        style(3, &[ // open: a corner on the left
            &[[16, 6], [10, 34], [4, 58], [4, 58], [40, 54], [80, 50]],
            &[[62, 0], [57, 50], [52, 100]],
        ]),
        style(4, &[ // open: a round bowl
            &[[12, 4], [-2, 52], [14, 60], [62, 46]],
            &[[64, 0], [58, 50], [50, 100]],
        ]),
        style(1, &[ // open, wide and low
            &[[22, 20], [12, 46], [2, 64], [2, 64], [44, 66], [86, 64]],
            &[[58, 24], [55, 60], [52, 100]],
        ]),
        style(2, &[ // closed, the stem written apart
            &[[52, 2], [28, 30], [2, 60], [2, 60], [40, 60], [80, 58]],
            &[[56, 0], [53, 50], [52, 100]],
        ]),
        style(3, &[ // in one stroke, the pen not lifted
            &[[14, 4], [8, 30], [2, 52], [2, 52], [40, 56],
              [70, -2], [70, -2], [58, 50], [50, 100]],
        ]),
        style(2, &[ // the bar stops at the stem
            &[[8, 2], [2, 30], [2, 50], [2, 50], [28, 52], [56, 46]],
            &[[58, 0], [54, 48], [52, 100]],
        ]),
    ],
    // 5
    &[
        style(4, &[ // the hat last
            &[[24, 4], [20, 24], [16, 44], [16, 44], [66, 30], [74, 96], [30, 104], [0, 92]],
            &[[24, 4], [52, 4], [78, 0]],
        ]),
        style(2, &[ // the hat a little away
            &[[18, 8], [18, 26], [14, 46], [14, 46], [62, 28], [70, 102], [24, 106], [-4, 90]],
            &[[30, 2], [52, 4], [78, -2]],
        ]),
        style(3, &[ // in one stroke, from the right
            &[[76, 1], [50, 4], [24, 5], [24, 5], [20, 24], [15, 44],
              [15, 44], [70, 36], [70, 96], [26, 104], [0, 90]],
        ]),
        style(2, &[ // nearly an S
            &[[76, 2], [24, -4], [4, 40], [48, 40], [70, 76], [36, 106], [0, 94]],
        ]),
        style(2, &[ // a long neck and a small belly
            &[[88, 2], [58, 4], [34, 8], [34, 8], [26, 30], [18, 56],
              [18, 56], [60, 48], [62, 100], [24, 106], [0, 94]],
        ]),
    ],
    // 6
    &[
        style(4, &[ // a straight back
            &[[38, 0], [16, 28], [-8, 84], [14, 106], [52, 100], [56, 58], [28, 52], [4, 82]],
        ]),
        style(3, &[ // a round back
            &[[50, 6], [32, -6], [0, 30], [-6, 102], [34, 106],
              [64, 92], [54, 52], [20, 52], [2, 78]],
        ]),
        style(3, &[ // a small bowl
            &[[26, 0], [8, 40], [-6, 92], [14, 106], [46, 98], [44, 68], [20, 70], [2, 92]],
        ]),
        style(2, &[ // the bowl ends in a curl
            &[[46, 2], [12, 20], [-6, 70], [6, 108], [60, 104],
              [66, 60], [34, 54], [16, 76], [24, 90]],
        ]),
        style(1, &[ // the bowl left open
            &[[32, 0], [8, 34], [-6, 90], [20, 108], [54, 94], [48, 66], [26, 62]],
        ]),
    ],
    // 7
    &[
        style(5, &[ // plain
            &[[2, 6], [38, 6], [70, 2], [70, 2], [48, 46], [38, 100]],
        ]),
        style(2, &[ // a serif on the left
            &[[4, 24], [6, 12], [8, 2], [8, 2], [40, 6], [70, 4], [70, 4], [54, 46], [48, 100]],
        ]),
        style(2, &[ // crossed
            &[[4, 6], [40, 6], [70, 2], [70, 2], [50, 46], [40, 100]],
            &[[16, 54], [42, 51], [66, 48]],
        ]),
        style(3, &[ // a round shoulder
            &[[2, 14], [18, -2], [74, -4], [68, 34], [50, 62], [42, 100]],
        ]),
        style(1, &[ // the stem bent outwards
            &[[4, 2], [40, 6], [74, 4], [74, 4], [26, 40], [30, 100]],
        ]),
    ],
    // 8
    &[
        style(4, &[ // an S and back, begun at the upper right
            &[[56, 12], [40, -6], [8, 0], [8, 36], [56, 58],
              [58, 104], [8, 108], [2, 70], [50, 38], [60, 8]],
        ]),
        style(3, &[ // its beginning and end are tails
            &[[70, 6], [34, -6], [6, 8], [18, 44], [54, 62], [46, 106],
              [2, 104], [10, 64], [44, 40], [54, 10], [38, 0]],
        ]),
        style(2, &[ // begun in the middle: two rings
            &[[32, 46], [4, 40], [10, -4], [56, -4], [58, 38], [30, 50],
              [-4, 66], [4, 106], [62, 106], [60, 58], [28, 46]],
        ]),
        style(2, &[ // begun at the left of the crossing
            &[[20, 38], [-2, 10], [36, -10], [66, 10], [38, 50],
              [-4, 70], [4, 108], [54, 106], [56, 68], [14, 36]],
        ]),
        style(1, &[ // open at the top
            &[[60, 20], [44, -4], [6, 0], [12, 40], [58, 60],
              [50, 106], [4, 104], [8, 66], [36, 48], [72, 14]],
        ]),
    ],
    // 9
    &[
        style(5, &[ // a straight stem
            &[[54, 12], [34, -8], [4, 6], [2, 48], [38, 48],
              [56, 10], [56, 10], [53, 54], [48, 100]],
        ]),
        style(2, &[ // a curved stem
            &[[56, 14], [36, -8], [4, 4], [2, 46], [42, 48],
              [58, 8], [58, 8], [64, 70], [46, 104], [12, 96]],
        ]),
        style(3, &[ // a round head and the stem in one sweep
            &[[48, 32], [32, 52], [-2, 40], [8, -6], [56, -8], [60, 28], [48, 62], [38, 100]],
        ]),
        style(3, &[ // a small head
            &[[50, 6], [28, -6], [6, 10], [10, 38], [40, 34],
              [54, 4], [54, 4], [46, 50], [36, 100]],
        ]),
        style(1, &[ // the head open
            &[[46, 4], [14, -2], [-2, 44], [30, 50], [58, 20],
              [62, 4], [62, 4], [54, 54], [48, 100]],
        ]),
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stroke_has_three_points() {
        for (label, styles) in STYLES.iter().enumerate() {
            assert!(styles.iter().all(|style| style.share > 0), "{label}");
            let mut strokes = styles.iter().flat_map(|style| style.strokes);
            assert!(strokes.all(|stroke| stroke.len() >= 3), "{label}");
        }
    }
}
