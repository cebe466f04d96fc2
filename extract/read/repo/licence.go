package repo

import "strings"

// A mark is what only one licence says.
type mark struct {
	id   string
	all  []string // words that have to be there
	none []string // words that may not
}

var marks = []mark{
	{"Apache-2.0", []string{"apache license", "version 2.0", "terms and conditions for use, reproduction, and distribution"}, nil},
	{"MPL-2.0", []string{"mozilla public license version 2.0"}, nil},
	{"AGPL-3.0", []string{"gnu affero general public license version 3"}, nil},
	{"LGPL-3.0", []string{"gnu lesser general public license version 3"}, nil},
	{"LGPL-2.1", []string{"gnu lesser general public license version 2.1"}, nil},
	{"GPL-3.0", []string{"gnu general public license version 3", "terms and conditions"}, []string{"gnu lesser general public license version", "gnu affero general public license version"}},
	{"GPL-2.0", []string{"gnu general public license version 2, june 1991"}, nil},
	{"EPL-2.0", []string{"eclipse public license - v 2.0"}, nil},
	{"Unlicense", []string{"this is free and unencumbered software released into the public domain"}, nil},
	{"CC0-1.0", []string{"cc0 1.0 universal", "statement of purpose"}, nil},
	{"CC-BY-4.0", []string{"creative commons attribution 4.0 international public license"}, nil},
	{"CC-BY-SA-4.0", []string{"creative commons attribution-sharealike 4.0 international public license"}, nil},
	{"BSL-1.0", []string{"boost software license - version 1.0"}, nil},
	{"ISC", []string{"permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted", "the author disclaims all warranties"}, nil},
	{"BSD-3-Clause", []string{"redistribution and use in source and binary forms", "redistributions in binary form must reproduce the above copyright notice", "this software is provided by", "neither the name of"}, []string{"all advertising materials"}},
	{"BSD-2-Clause", []string{"redistribution and use in source and binary forms", "redistributions in binary form must reproduce the above copyright notice", "this software is provided by"}, []string{"neither the name", "all advertising materials"}},
	{"MIT", []string{"permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files", "the above copyright notice and this permission notice shall be included in all copies", "provided \"as is\", without warranty of any kind"}, nil},
}

// licence is the SPDX identifier of a licence's text, "" when it is not sure.
// Texts that match two licences are not sure. The GNU licences have the
// identifier without "only" or "or later", which their text does not decide.
func licence(text string) string {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	text = strings.NewReplacer("“", `"`, "”", `"`, "‘", "'", "’", "'").Replace(text)
	found := ""
	for _, m := range marks {
		if !m.in(text) {
			continue
		}
		if found != "" {
			return ""
		}
		found = m.id
	}
	return found
}

func (m mark) in(text string) bool {
	for _, w := range m.all {
		if !strings.Contains(text, w) {
			return false
		}
	}
	for _, w := range m.none {
		if strings.Contains(text, w) {
			return false
		}
	}
	return true
}
