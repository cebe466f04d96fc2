import { find } from "./shelf";

describe("Shelf", () => {
  it("finds what is there", () => {
    expect(find([], "x")).toBe(undefined);
  });

  test('not finds', async () => {
    find([], "y");
  });
});
