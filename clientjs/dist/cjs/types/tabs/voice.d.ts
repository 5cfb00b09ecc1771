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
export declare function createVoice(me: string, term: () => number, post: (post: Post) => void): Voice;
