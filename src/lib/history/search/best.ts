/** Keeps the `size` highest of many without sorting them all: a heap whose root is the lowest kept. */
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
    } else if (score > (this.#scores[0] ?? Number.POSITIVE_INFINITY)) {
      this.#ids[0] = id;
      this.#scores[0] = score;
      this.#down();
    }
  }

  /** Highest first; of equals the newer, which has the higher id. */
  sorted(): { id: number; score: number }[] {
    return this.#ids
      .map((id, index) => ({ id, score: this.#scores[index] ?? 0 }))
      .sort((a, b) => b.score - a.score || b.id - a.id);
  }

  #up(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#score(parent) <= this.#score(at)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #down(): void {
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const least = this.#score(left + 1) < this.#score(left) ? left + 1 : left;
      if (this.#score(least) >= this.#score(at)) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #score(at: number): number {
    return this.#scores[at] ?? Number.POSITIVE_INFINITY;
  }

  #swap(a: number, b: number): void {
    const [ids, scores] = [this.#ids, this.#scores];
    [ids[a], ids[b]] = [ids[b] as number, ids[a] as number];
    [scores[a], scores[b]] = [scores[b] as number, scores[a] as number];
  }
}
