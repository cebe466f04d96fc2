using System;

namespace Store
{
    /// <summary>
    /// A shelf for <see cref="T:Store.Thing"/> and <c>more</c>.
    /// </summary>
    [Serializable]
    public class Shelf<T> : Box where T : class
    {
        public int Size { get; set; } = 3;

        /// <summary>Makes one.</summary>
        /// <param name="size">How much it takes.</param>
        public Shelf(int size) : base(size)
        {
            var s = $"{size} {{ {"}"}";
            var p = @"c:\";
        }

        /// <summary>Counts.</summary>
        public int Count(Func<T, bool> keep) => items.Count(keep);

        /// <summary>Adds.</summary>
        public static Shelf<T> operator +(Shelf<T> a, Shelf<T> b)
        {
            return a;
        }

#if DEBUG
        void Check() { }
#endif

        [Fact]
        public async Task PutsOne()
        {
            await Task.CompletedTask;
        }
    }
}
