<html><?php if (true): ?>{<?php endif; ?>
<?php
namespace Store;

use Store\Thing;

/** A shelf. */
#[Entity]
final class Shelf extends Box implements Countable
{
    use Opens { open as protected; }

    private array $items = [];

    /**
     * Makes one.
     */
    public function __construct(private int $size = 3)
    {
        $s = <<<'END'
        } {
        END;
    }

    /** Puts a thing on it. */
    #[Pure]
    public static function &put(?Thing $thing): ?static
    {
        return array_map(function ($t) { return $t; }, []); # }
    }
}

if (!function_exists('shelf')) {
    /** Gives one. */
    function shelf() {
        return new Shelf();
    }
}
