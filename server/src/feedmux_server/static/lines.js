// Lines over candles, worked out from exactly the candles that are shown; null where there are too few of them.

export function sma(values, length) {
  let sum = 0;
  return values.map((value, index) => {
    sum += value - (index >= length ? values[index - length] : 0);
    return index >= length - 1 ? sum / length : null;
  });
}

/** Begun with the plain mean of its first values. */
export function ema(values, length) {
  const weight = 2 / (length + 1);
  let before = null;
  return values.map((value, index) => {
    if (index < length - 1) return null;
    before = before === null ? values.slice(0, length).reduce((a, b) => a + b) / length : before + weight * (value - before);
    return before;
  });
}

/** Upper and lower Bollinger band: the mean and so many (population) standard deviations. */
export function bands(values, length, deviations) {
  const middle = sma(values, length);
  const width = values.map((_, index) => {
    if (middle[index] === null) return null;
    const squares = values.slice(index - length + 1, index + 1).map((value) => (value - middle[index]) ** 2);
    return deviations * Math.sqrt(squares.reduce((a, b) => a + b) / length);
  });
  const moved = (sign) => middle.map((value, index) => (value === null ? null : value + sign * width[index]));
  return { upper: moved(1), lower: moved(-1) };
}
