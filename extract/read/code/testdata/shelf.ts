/** What can be stored. */
export interface Thing {
  name: string;

  /** Weighs the thing. */
  weigh(unit: string): number;
}

/** Finds one. */
export function find<T extends Thing>(all: T[], name: string): { thing: T } | undefined {
  return all.find((t) => t.name === name) as any;
}

@Injectable({ scope: "x" })
export class Shelf<T> implements Box {
  private readonly items: T[] = [];

  /** Makes one. */
  constructor(private size: number) {}

  /** Puts a thing on it. */
  @Log()
  public put(thing: T): void {
    this.items.push(thing);
  }

  protected abstract count(): number;
}

namespace inner {
  /** In a namespace. */
  export function deep(): void {}
}

export enum Kind { A, B }

export const twice = async (n: number): Promise<number> => {
  return n * 2;
};
