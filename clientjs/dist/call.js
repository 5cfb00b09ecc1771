/* Tidings, Apache-2.0 */
var a=async(a,e,t,r)=>(await a.request({type:"call",method:e,data:t,idempotencyKey:""+crypto.getRandomValues(new Uint32Array(4)),...r})).data;export{a as call};
