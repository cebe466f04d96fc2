require_relative "shelf"

class ShelfTest < Minitest::Test
  def test_opens
    assert Store::Shelf.open("x").empty?
  end
end

describe Store::Shelf do
  it "is empty" do
    expect(Store::Shelf.new(1)).to be_empty
  end
end
