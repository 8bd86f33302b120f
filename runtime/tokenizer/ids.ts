/** Token ids that grow one by one. */
export class Ids {
  #ids = new Int32Array(1024);
  length = 0;

  push(id: number): void {
    if (this.length === this.#ids.length) {
      const more = new Int32Array(this.length * 2);
      more.set(this.#ids);
      this.#ids = more;
    }
    this.#ids[this.length++] = id;
  }

  pushAll(ids: Iterable<number>): void {
    for (const id of ids) this.push(id);
  }

  /** The first from a place on that is not below a bound. */
  firstFrom(place: number, bound: number): number | undefined {
    return this.#ids.subarray(place, this.length).find((id) => id >= bound);
  }

  /** All of them, in memory of their own. */
  taken(): Int32Array<ArrayBuffer> {
    return this.#ids.slice(0, this.length);
  }
}
