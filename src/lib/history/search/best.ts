/**
 * Keeps the `size` highest of many without sorting them all: a heap whose root is the lowest kept. Of equals the newer,
 * which has the higher id, is higher, so that the first ones are the same however many are kept.
 */
export class Best {
  readonly #size: number;
  readonly #ids: number[] = [];
  readonly #scores: number[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  add(id: number, score: number): void {
    if (this.#ids.length < this.#size) {
      this.#ids.push(id);
      this.#scores.push(score);
      this.#up(this.#ids.length - 1);
    } else if (this.#size > 0 && compare(score, id, this.#scores[0] ?? 0, this.#ids[0] ?? 0) > 0) {
      this.#ids[0] = id;
      this.#scores[0] = score;
      this.#down();
    }
  }

  /** Highest first. */
  sorted(): { id: number; score: number }[] {
    return this.#ids
      .map((id, index) => ({ id, score: this.#scores[index] ?? 0 }))
      .sort((a, b) => compare(b.score, b.id, a.score, a.id));
  }

  #up(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isLower(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #down(): void {
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const least = this.#isLower(left + 1, left) ? left + 1 : left;
      if (!this.#isLower(least, at)) return;
      this.#swap(at, least);
      at = least;
    }
  }

  /** Never, for what isn't there. */
  #isLower(at: number, than: number): boolean {
    if (at >= this.#ids.length) return false;
    return (
      compare(this.#scores[at] ?? 0, this.#ids[at] ?? 0, this.#scores[than] ?? 0, this.#ids[than] ?? 0) < 0
    );
  }

  #swap(a: number, b: number): void {
    const [ids, scores] = [this.#ids, this.#scores];
    [ids[a], ids[b]] = [ids[b] as number, ids[a] as number];
    [scores[a], scores[b]] = [scores[b] as number, scores[a] as number];
  }
}

function compare(score: number, id: number, otherScore: number, otherId: number): number {
  return score - otherScore || id - otherId;
}
