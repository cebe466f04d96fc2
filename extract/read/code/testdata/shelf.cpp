#include <vector>
namespace store {

// A shelf.
template <typename T, int N = 3>
class EXPORT Shelf final : public Base<T> {
public:
    // Makes one.
    explicit Shelf(int n) : Base<T>(n), size_{n}, items_(n) {
        if (n) { grow(); }
    }

    ~Shelf() = default;

    // Adds.
    bool operator==(const Shelf& o) const noexcept { return size_ == o.size_; }

    /// Converts.
    operator bool() const { return true; }

private:
    int size_ = 0;
};

// Puts a thing on it.
template <class T>
auto Shelf<T>::put(std::function<void(int)> f) -> std::vector<T>
{
    auto s = R"x(})x";
    return {};
}

} // namespace store

// Tests it.
TEST(Shelf, Puts) {
    EXPECT_EQ(1, 1);
}
