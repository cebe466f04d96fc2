# frozen_string_literal: true

require "set"

module Store
  # A shelf.
  class Shelf < Box
    attr_reader :size

    # Makes one.
    #
    #   Shelf.new(3)
    def initialize(size)
      @size = size
      if size > 3
        puts <<~TEXT
    end
        TEXT
      end
    end

    # Is it empty?
    def empty? = @items.empty?

    class << self
      # Opens one.
      def open(name); new(3); end
    end

    private def take
      @items.each do |i|
        yield i
      end
    end
  end
end
