package pdf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"seedbed/extract"
)

// Bounds on the reading of one page image, and how sharp it is.
const (
	ocrDPI      = 300
	ocrPatience = 2 * time.Minute
	ocrTrusted  = 30 // of 100: words that tesseract itself trusts less are left out
)

// noOCR opens the note on a page whose image could not be read.
const noOCR = "No OCR: "

// An ocr reads page images with tesseract.
type ocr struct {
	program  string
	language string
}

// newOCR returns nil where no program is named.
func newOCR(ctx context.Context, program, language string) *ocr {
	if program == "" {
		return nil
	}
	return &ocr{program, ocrLanguage(ctx, program, language)}
}

// ocrNames are tesseract's names of languages.
var ocrNames = map[string]string{
	"en": "eng", "de": "deu", "fr": "fra", "es": "spa", "it": "ita", "pt": "por", "nl": "nld", "pl": "pol", "cs": "ces",
	"sv": "swe", "da": "dan", "fi": "fin", "nb": "nor", "no": "nor", "hu": "hun", "ro": "ron", "tr": "tur", "ru": "rus",
	"uk": "ukr", "el": "ell", "he": "heb", "ar": "ara", "ja": "jpn", "zh": "chi_sim", "ko": "kor",
}

// ocrLanguage is the document's language where tesseract has it, else English.
func ocrLanguage(ctx context.Context, program, language string) string {
	out, err := exec.CommandContext(ctx, program, "--list-langs").Output()
	if err != nil {
		return "eng"
	}
	installed := strings.Fields(string(out))
	base, _, _ := strings.Cut(strings.ToLower(language), "-")
	if name := ocrNames[base]; slices.Contains(installed, name) {
		return name
	}
	return "eng"
}

// page draws a page and reads what it shows.
func (o *ocr) page(ctx context.Context, a artist, p page) (page, error) {
	img, err := a.draw(p.Page-1, ocrDPI/72.0, true)
	if err != nil {
		return page{}, err
	}
	s, err := o.read(ctx, img, p.width, p.height)
	if err != nil {
		return page{}, err
	}
	s.label = p.Label
	q := newPage(drawing{s}, p.Page-1)
	if q.Words == 0 {
		q.Verdict = verdictScan
	}
	return q, nil
}

// A drawing is the one page that was read from its image, as an engine.
type drawing struct{ s sheet }

func (d drawing) name() string            { return "tesseract" }
func (d drawing) pages() int              { return 1 }
func (d drawing) page(int) (sheet, error) { return d.s, nil }
func (d drawing) info() info              { return info{} }
func (d drawing) close()                  {}

// read runs tesseract on an image of a page of width by height points.
func (o *ocr) read(ctx context.Context, img image.Image, width, height float64) (sheet, error) {
	ctx, stop := context.WithTimeout(ctx, ocrPatience)
	defer stop()
	cmd := exec.CommandContext(ctx, o.program, "stdin", "stdout", "-l", o.language, "--dpi", strconv.Itoa(ocrDPI), "tsv")
	cmd.Env = append(os.Environ(), "OMP_THREAD_LIMIT=1") // pages are read in parallel, not parts of one
	cmd.Stdin = bytes.NewReader(portable(img))
	var says bytes.Buffer
	cmd.Stderr = &says
	out, err := cmd.Output()
	if err != nil {
		line, _, _ := strings.Cut(strings.TrimSpace(says.String()), "\n")
		if ctx.Err() != nil {
			err = errors.New("it took too long")
		}
		return sheet{}, fmt.Errorf("tesseract: %w: %s", err, line)
	}
	b := img.Bounds()
	return fromTSV(string(out), width, height, width/float64(b.Dx()), height/float64(b.Dy())), nil
}

// portable is an image as a grey map, the plainest format that tesseract takes.
func portable(img image.Image) []byte {
	b := img.Bounds()
	out := fmt.Appendf(nil, "P5 %d %d 255\n", b.Dx(), b.Dy())
	if g, ok := img.(*image.Gray); ok && g.Stride == b.Dx() {
		return append(out, g.Pix...)
	}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, _, _, _ := img.At(x, y).RGBA()
			out = append(out, byte(r>>8))
		}
	}
	return out
}

// A word that tesseract found.
type ocrWord struct {
	text string
	box  extract.Box
}

// fromTSV makes glyphs of tesseract's table: the letters of a word share its
// box in equal parts.
func fromTSV(table string, width, height, sx, sy float64) sheet {
	s := sheet{width: width, height: height, pictures: true, inked: true}
	var lines [][]ocrWord
	var paragraphs [][2]int // block and paragraph of each line
	last := ""
	for row := range strings.Lines(table) {
		// level page block par line word left top width height conf text
		f := strings.SplitN(strings.TrimRight(row, "\r\n"), "\t", 12)
		if len(f) < 12 || f[0] != "5" || strings.TrimSpace(f[11]) == "" {
			continue
		}
		var n [11]float64
		for i := range n {
			n[i], _ = strconv.ParseFloat(f[i], 64)
		}
		if n[10] < ocrTrusted {
			continue
		}
		if at := strings.Join(f[1:5], " "); at != last {
			last = at
			lines = append(lines, nil)
			paragraphs = append(paragraphs, [2]int{int(n[2]), int(n[3])})
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], ocrWord{
			text: strings.TrimSpace(f[11]),
			box:  extract.Box{X0: n[6] * sx, Y0: n[7] * sy, X1: (n[6] + n[8]) * sx, Y1: (n[7] + n[9]) * sy},
		})
	}
	for i := 0; i < len(lines); {
		// One size for a paragraph: a line without tall letters looks smaller.
		j := i + 1
		for j < len(lines) && paragraphs[j] == paragraphs[i] {
			j++
		}
		size := ocrSize(lines[i:j])
		for _, line := range lines[i:j] {
			if len(s.glyphs) > 0 {
				s.glyphs = append(s.glyphs, glyph{r: '\n'})
			}
			base := ocrBaseline(line)
			for k, w := range line {
				if k > 0 {
					s.glyphs = append(s.glyphs, glyph{r: ' '})
				}
				letters := []rune(w.text)
				step := (w.box.X1 - w.box.X0) / float64(len(letters))
				for m, r := range letters {
					x := w.box.X0 + float64(m)*step
					s.glyphs = append(s.glyphs, glyph{r: r, base: base, size: size,
						box: extract.Box{X0: x, Y0: base - 0.8*size, X1: x + step, Y1: base + 0.2*size}})
				}
			}
		}
		i = j
	}
	return s
}

const descenders = "gjpqyQ,;()[]{}|@§"

// ocrBaseline is the foot of the letters that stand on the line.
func ocrBaseline(line []ocrWord) float64 {
	var feet []float64
	low := 0.0
	for _, w := range line {
		low = max(low, w.box.Y1)
		if !strings.ContainsAny(w.text, descenders) && strings.ContainsFunc(w.text, tall) {
			feet = append(feet, w.box.Y1)
		}
	}
	if len(feet) == 0 {
		return low
	}
	slices.Sort(feet)
	return feet[len(feet)/2]
}

// tall reports whether a letter rises to the height of capitals.
func tall(r rune) bool {
	return r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("bdfhkl", r)
}

// ocrSize is the size of the font of some lines: capitals are seven tenths of it.
func ocrSize(lines [][]ocrWord) float64 {
	var sizes, heights []float64
	for _, line := range lines {
		for _, w := range line {
			h := w.box.Y1 - w.box.Y0
			heights = append(heights, h)
			if strings.ContainsFunc(w.text, tall) && !strings.ContainsAny(w.text, descenders) {
				sizes = append(sizes, h/0.7)
			}
		}
	}
	if len(sizes) == 0 {
		sizes = heights
	}
	slices.Sort(sizes)
	return max(sizes[len(sizes)/2], 1)
}
