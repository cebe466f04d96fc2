package stage

import "testing"

func TestUnwrap(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"a paragraph": {
			"A tree has none, so there cannot be two paths between any pair of\nits vertices, and the claim follows from the lemma that was shown in\nthe section before.",
			"A tree has none, so there cannot be two paths between any pair of its vertices, and the claim follows from the lemma that was shown in the section before.",
		},
		"the label of the first line was cut": {
			"A graph is connected if a path leads from\neach of its vertices to every other one.",
			"A graph is connected if a path leads from each of its vertices to every other one.",
		},
		"a short word and a full stop begin a line": {
			"A walk that takes no edge twice and comes back to where it began, with\nit. Then another one, which takes every edge of the graph just once, or\na. nothing",
			"A walk that takes no edge twice and comes back to where it began, with it. Then another one, which takes every edge of the graph just once, or\na. nothing",
		},
		"paragraphs": {
			"The first of the two paragraphs is wrapped at a width of some seventy\nsigns.\n\nThe second is not.",
			"The first of the two paragraphs is wrapped at a width of some seventy signs.\n\nThe second is not.",
		},
		"a verse": {
			"The verse begins,\nand every line\nis ended where\nthe poet wants.",
			"The verse begins, and every line\nis ended where\nthe poet wants.",
		},
		"a list": {
			"There are three reasons, each of which would be enough for the claim:\n- that it holds for the smallest of the graphs that were looked at in\n  the section before\n- that it goes on\n1. first",
			"There are three reasons, each of which would be enough for the claim:\n- that it holds for the smallest of the graphs that were looked at in\n  the section before\n- that it goes on\n1. first",
		},
		"code": {
			"The function is called with every one of the vertices, as this shows:\n\n```go\nfor _, v := range graph.Vertices() { // in whatever order they come, they\nvisit(v)\n}\n```\nand then it is called with every one of the edges of the graph, one at\na time.",
			"The function is called with every one of the vertices, as this shows:\n\n```go\nfor _, v := range graph.Vertices() { // in whatever order they come, they\nvisit(v)\n}\n```\nand then it is called with every one of the edges of the graph, one at a time.",
		},
		"a formula of its own": {
			"Whoever adds these equations, which were found in the section before,\n$$\na + b + c + d + e + f + g + h + i + j + k + l + m + n = o + p + q + r + s\n+ t\n$$\nfinds that",
			"Whoever adds these equations, which were found in the section before,\n$$\na + b + c + d + e + f + g + h + i + j + k + l + m + n = o + p + q + r + s\n+ t\n$$\nfinds that",
		},
		"a table": {
			"| the first of the columns has long words | the second one has them too |\n| --- | --- |\n| a | b |",
			"| the first of the columns has long words | the second one has them too |\n| --- | --- |\n| a | b |",
		},
		"breaks that are meant": {
			"This line of an address or of a song is ended by two spaces, as in it  \nis this one, which is just as long as the other, by a backslash at its\\\nend.",
			"This line of an address or of a song is ended by two spaces, as in it  \nis this one, which is just as long as the other, by a backslash at its\\\nend.",
		},
		"a hyphen": {
			"The method that was published last year and has been called state-of-\nthe-art since then does so, and one that has a dash at the end does -\nso.",
			"The method that was published last year and has been called state-of-the-art since then does so, and one that has a dash at the end does - so.",
		},
		"Chinese": {
			"机器学习是人工智能的一个分支它使用算法和统计模型来让计算机系统在没有明确编程的情况下改进其性能\n并且通过数据来学习。",
			"机器学习是人工智能的一个分支它使用算法和统计模型来让计算机系统在没有明确编程的情况下改进其性能并且通过数据来学习。",
		},
	} {
		if got := unwrap(test.text, 72); got != test.want {
			t.Errorf("%s:\n%s\nbecomes\n%s\nwant\n%s", name, test.text, got, test.want)
		}
	}
	if text := "one line of a text that was\nnot wrapped at any width"; unwrap(text, 40) != text {
		t.Error("lines of a narrow text are joined")
	}
}
