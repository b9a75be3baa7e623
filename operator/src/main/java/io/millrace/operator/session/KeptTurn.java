package io.millrace.operator.session;

import java.util.List;

/**
 * A turn whose tokens the conversation holds, up to the next turn or the conversation's end.
 *
 * @param start where it begins among the tokens
 * @param tools names of the tools that its messages introduced; a turn with tools is never forgotten
 */
record KeptTurn(int start, List<String> tools) {}
