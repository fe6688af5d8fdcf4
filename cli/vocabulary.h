// SPDX-License-Identifier: BSD-2-Clause
// The words that a small model was trained on, from <model folder>/words.txt: lower-cased, one a
// line.
#ifndef CLI_VOCABULARY_H
#define CLI_VOCABULARY_H

// One line on stderr that names the words of text that are not in the list; nothing when there is
// no list or all are known.
void cli_note_unseen(const char *folder, const char *text);

#endif
