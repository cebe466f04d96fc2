'use strict';

import { open } from './door.js';

/**
 * Counts what stands on a shelf.
 * @param {Shelf} shelf
 */
export function count(shelf) {
  return shelf.items.filter((i) => /[}{]/.test(i.name) || `${i.name}}`).length;
}

/** Doubles a number. */
export const double = (n) => n * 2;

/** A shelf. */
class Shelf extends Base {
  #items = [];

  /** Makes one. */
  constructor(size) {
    super();
    this.size = size;
  }

  /** Puts a thing on it. */
  static async *put(thing) {
    if (thing) { yield thing; }
  }

  get full() { return true; }

  /** Bound to the shelf. */
  take = () => {
    return this.#items.pop();
  };
}

const helpers = {
  /** Opens it. */
  open() {
    return open();
  },
  close: function () {
    return 1;
  },
};

/** Set on the prototype. */
Shelf.prototype.empty = function empty() {
  return true
}

module.exports = function () {
  /** Inside a module's function. */
  function inside() {
    return 1;
  }
  return inside;
};
