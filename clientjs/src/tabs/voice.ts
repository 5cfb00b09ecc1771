import type { Post, Said } from "./posts.js";

/** What a leader sends, in order and numbered. Frames for one link that came in one turn go out as one post. */
export interface Voice {
  say(said: Said): void;
  /** Sends now what waits. */
  flush(): void;
  /** Forgets what waits. */
  clear(): void;
  numbered(said: Said): Post;
}

/** Makes the voice of the tab `me`. `term` returns its term; `post` sends a post to the other tabs and to this one. */
export function createVoice(me: string, term: () => number, post: (post: Post) => void): Voice {
  let n = 0;
  /** What waits to be said at the end of this turn. */
  let queue: Said[] = [];
  const numbered = (said: Said): Post => ({ ...said, from: me, term: term(), n: ++n }) as Post;
  function flush(): void {
    for (const said of queue.splice(0)) post(numbered(said));
  }
  return {
    say(said) {
      if (!queue.length) queueMicrotask(flush);
      const last = queue[queue.length - 1];
      if (said.post === "down" && last?.post === "down" && last.to === said.to && last.link === said.link) {
        last.frames.push(...said.frames);
      } else queue.push(said);
    },
    flush,
    clear() {
      queue = [];
    },
    numbered,
  };
}
