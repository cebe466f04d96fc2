package shelf;

import java.util.List;

/** A shelf. */
public class Shelf<T extends Comparable<T>> implements Box {
    private List<T> items = new ArrayList<>() {{ add(null); }};

    /** Makes one. */
    public Shelf(int size) {
        this.size = size;
    }

    /**
     * Puts a thing on it.
     *
     * @param thing what to put
     */
    @Override
    @SuppressWarnings({"unchecked", "}"})
    public <U extends T> Map<String, List<U>> put(final U thing) throws Full {
        String s = "{";
        char c = '{';
        return null;
    }

    /** Which kind. */
    enum Kind {
        A("a") { @Override String name() { return "x"; } },
        B;

        /** Of the kind. */
        String label() { return ""; }
    }

    interface Inner {
        /** Has no body. */
        int size();
    }

    static {
        init();
    }

    @Test
    void putsOne() {
        put(null);
    }
}
