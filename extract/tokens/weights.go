package tokens

// weights are the tokens that one of each kind comes to: a least-squares fit
// to o200k over books, web pages, manuals and programs in a dozen languages.
// In stretches of 3,000 bytes the estimate is within 10 % nine times in ten
// for English prose, within about 20 % for code and other languages.
var weights = [kinds]float64{
	words: .98, excess: .06, endless: .3,
	capitals: .7, shouting: .12,
	digits: 1.1,
	marks:  .78, moreMarks: .13,
	spaces:   1.4,
	accented: 1.35, accentedLetters: .2,
	han: .88, kana: .78, hangul: .91,
	cyrillic: .31, letters: .36,
	symbols: 1.15,
}
