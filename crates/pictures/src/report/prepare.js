// A drawing made like MNIST's images, as `mnist predict` does it (model/src/prepare.rs), in whole numbers:
// the ink's box scaled to fit 20 x 20 of 28 x 28 pixels, its centre of mass moved to the middle.

// Calls `each(old, length)` for the old pixels under new pixel `i` of `n`, out of `from`; lengths are
// counted in 1 / n of an old pixel.
function covered(i, n, from, each) {
  const [start, end] = [i * from, (i + 1) * from];
  for (let old = Math.floor(start / n); old < Math.ceil(end / n); old++) {
    each(old, Math.min(end, (old + 1) * n) - Math.max(start, old * n));
  }
}

// The part [top, bottom) x [left, right) of a picture, scaled: each pixel is the mean of what it covers.
function resample(picture, { top, bottom, left, right }, [toHeight, toWidth]) {
  const [rows, columns] = [bottom - top, right - left];
  const area = rows * columns;
  const out = new Uint8Array(toHeight * toWidth);
  for (let y = 0; y < toHeight; y++) {
    for (let x = 0; x < toWidth; x++) {
      let sum = 0;
      covered(y, toHeight, rows, (oldY, high) => {
        covered(x, toWidth, columns, (oldX, wide) => {
          sum += picture.ink[(top + oldY) * picture.width + left + oldX] * high * wide;
        });
      });
      out[y * toWidth + x] = Math.floor((sum + Math.floor(area / 2)) / area);
    }
  }
  return out;
}

// The smallest box with all ink, or null.
function extent(picture) {
  const box = { top: picture.height, bottom: 0, left: picture.width, right: 0 };
  for (let y = 0; y < picture.height; y++) {
    for (let x = 0; x < picture.width; x++) {
      if (picture.ink[y * picture.width + x] === 0) continue;
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y + 1);
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x + 1);
    }
  }
  return box.bottom > 0 ? box : null;
}

// The drawing shrunk as it is: what the model gets to see without preparation.
function unprepared(picture) {
  const all = { top: 0, bottom: picture.height, left: 0, right: picture.width };
  return resample(picture, all, [height, width]);
}

function prepared(picture) {
  const box = extent(picture);
  const image = new Uint8Array(height * width);
  if (box === null) return image;
  const [rows, columns] = [box.bottom - box.top, box.right - box.left];
  const longer = Math.max(rows, columns);
  const side = Math.max(1, Math.floor(Math.min(height, width) * 5 / 7));
  const scaled = (length) => Math.max(1, Math.floor((2 * length * side + longer) / (2 * longer)));
  const [boxHeight, boxWidth] = [scaled(rows), scaled(columns)];
  const boxed = resample(picture, box, [boxHeight, boxWidth]);

  let [mass, down, across] = [0, 0, 0];
  boxed.forEach((value, i) => {
    mass += value;
    down += value * Math.floor(i / boxWidth);
    across += value * (i % boxWidth);
  });
  // middle - moment / mass, rounded; and no part of the box outside.
  const place = (size, length, moment) => {
    const at = Math.floor(((2 * Math.floor(size / 2) + 1) * mass - 2 * moment) / Math.max(1, 2 * mass));
    return Math.min(Math.max(at, 0), size - length);
  };
  const [top, left] = [place(height, boxHeight, down), place(width, boxWidth, across)];
  for (let y = 0; y < boxHeight; y++) {
    image.set(boxed.subarray(y * boxWidth, (y + 1) * boxWidth), (top + y) * width + left);
  }
  return image;
}
